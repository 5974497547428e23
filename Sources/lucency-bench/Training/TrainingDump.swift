import Lucency

/// What it takes to repeat a training elsewhere, as files of a folder: `settings.json`, `initial.safetensors`,
/// `batches/N.safetensors` (`images` N, C, y, x and `labels` N, y, x), `test/NAME.safetensors` (the same, one image each),
/// `losses.csv`. Numbers are float32, labels are class numbers, -1 where pixels do not count.
struct TrainingDump {
    let folder: String

    init(folder: String) throws {
        self.folder = folder
        for name in ["batches", "test"] { try FileSystem.makeFolder(FileSystem.join(folder, name)) }
    }

    var settings: String { FileSystem.join(folder, "settings.json") }
    var initial: String { FileSystem.join(folder, "initial.safetensors") }

    func write(_ facts: JSONValue, _ parameters: Parameters) throws {
        try FileSystem.write(facts.prettyText + "\n", to: settings)
        let stored = try parameters.declarations.compactMap { entry in
            try parameters[entry.name].map {
                try StoredTensor(name: entry.name, shape: $0.shape.dimensions, floats: $0.buffer)
            }
        }
        try Safetensors.write(try Weights(stored), to: initial)
    }

    /// - Returns: the file.
    func writeBatch(_ step: Int, images: Tensor, labels: Tensor) throws -> String {
        try write("batches/\(step)", images, labels)
    }

    /// - Returns: the files, in order.
    func writeTest(_ cases: [TrainingCase]) throws -> [String] {
        try cases.map { item in
            let sample = item.sample, size = [sample.size.y, sample.size.x]
            let labels = sample.labels.array.map { Float($0) }
            return try write("test/\(item.name)", try sample.tensor, try Tensor([1] + size, labels))
        }
    }

    func writeLosses(_ steps: [TrainingRow.Step]) throws {
        let lines = steps.enumerated().map { number, step in
            "\(number),\(step.loss),\(step.peersLoss.map { "\($0)" } ?? "")\n"
        }
        try FileSystem.write("step,loss,peer\n" + lines.joined(), to: FileSystem.join(folder, "losses.csv"))
    }

    private func write(_ name: String, _ images: Tensor, _ labels: Tensor) throws -> String {
        let path = FileSystem.join(folder, name + ".safetensors")
        let stored = try [("images", images), ("labels", labels)].map { name, tensor in
            try StoredTensor(name: name, shape: tensor.shape.dimensions, floats: tensor.buffer)
        }
        try Safetensors.write(try Weights(stored), to: path)
        return path
    }
}

extension Sample {
    /// 1, C, y, x.
    var tensor: Tensor { get throws { try Tensor(Shape([1, channels, size.y, size.x]), image) } }
}
