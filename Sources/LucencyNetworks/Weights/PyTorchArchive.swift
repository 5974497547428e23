import LucencyFoundation

/// PyTorch's zip checkpoints (since 1.6): a pickle that describes the tensors, and a stored entry for each storage.
///
/// Format: `torch/serialization.py` (`_save`) and `caffe2/serialize/inline_container.h`.
enum PyTorchArchive {
    /// Pickles larger than this are refused; one of a hundred thousand tensors has about 15 MB.
    static let maximumPickleBytes = 1 << 26

    static func weights(in source: ByteSource, key: String?) throws(Diagnostic) -> Weights {
        let archive = try ZipArchive(source)
        let pickles = archive.names.filter { $0.hasSuffix("/data.pkl") && $0.split(separator: "/").count == 2 }
        guard pickles.count == 1, let name = pickles.first, let pickle = try archive.range(of: name) else {
            throw source.problem(
                .unknownFormat, "the zip file is no PyTorch checkpoint: it has no data.pkl",
                remedy: "give the .pt or .pth file itself, not an archive with it")
        }
        let folder = String(name.dropLast("data.pkl".count))
        guard !archive.names.contains(folder + "constants.pkl") else {
            throw source.problem(
                .unsupportedFeature, "this is a TorchScript program, not a state dictionary",
                remedy: "in Python: torch.save(torch.jit.load(FILE).state_dict(), OUT)")
        }
        if let order = try archive.range(of: folder + "byteorder"), order.count <= 16 {
            guard try source.bytes(at: order.lowerBound, count: order.count) == Array("little".utf8) else {
                throw source.problem(
                    .unsupportedFeature, "the numbers are big-endian",
                    remedy: "save the file anew on a little-endian machine (any x86 or ARM)")
            }
        }
        guard pickle.count <= maximumPickleBytes else {
            throw source.problem(
                .tooLarge, "its data.pkl has \(pickle.count >> 20) MB, more than \(maximumPickleBytes >> 20)")
        }
        var machine = PickleMachine(try source.bytes(at: pickle.lowerBound, count: pickle.count))
        let root: PickleValue
        do throws(PickleMachine.Failure) { root = try machine.run() } catch { throw error.diagnostic(in: source) }
        let dictionary = StateDictionary(machine: machine, source: source) { (storage) throws(Diagnostic) in
            guard let range = try archive.range(of: folder + "data/" + storage.key) else {
                throw source.problem(.damagedFile, "the storage '\(storage.key)' is not in the file")
            }
            return range
        }
        return try dictionary.weights(from: root, key: key, format: .pyTorch)
    }
}
