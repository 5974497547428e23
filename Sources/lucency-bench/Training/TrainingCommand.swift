import ArgumentParser
import Foundation
import Lucency

/// `lucency-bench training`: the U-Net of `pipelines/em-membranes-unet.yaml`, trained here and in PyTorch from the same
/// weights on the same batches, step by step.
struct TrainingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "training", abstract: "Trains a U-Net beside the same one in PyTorch, on the same batches.",
        discussion: """
            Both begin with our initial weights and take every batch as we made it. Reported are the largest relative \
            difference of their losses over the first \(TrainingRow.compared) steps, the Dice of class 1 on the test \
            images (mean over images), and the medians of a step's time, both sides in turn on the same threads. Without \
            a peer only our side is reported. Run it from the checkout.

            Example: lucency-bench training --data isbi-em --python venv/bin/python
            """)

    @Option(help: "A folder with images, masks (equal stems), train.txt and test.txt; left out: rendered micrographs.")
    var data: String?

    @Option(help: "The masks' stored value of each class, in order.")
    var classes = "255,0"

    @Option(help: "Rendered images: how many to train with; a third as many are for the test.")
    var count = 24

    @Option(help: "Rendered images: pixels along each side.")
    var size = 256

    @Option(help: "Optimiser steps.")
    var steps = 300

    @Option(help: "Steps in which the rate grows up to its highest; at most --steps.")
    var warmUp = 100

    @Option(help: "Seeds of weights and batches, a list.")
    var seeds = "1,2,3"

    @Option(help: "Channels of the U-Net's levels, a list.")
    var channels = "16,32,64,128"

    @Option(help: "Images in a step.")
    var batch = 8

    @Option(help: "Pixels along each side of a patch.")
    var patch = 128

    @Option(help: "Threads of either side.")
    var threads = 1

    @Option(help: "Our kernels: \(KernelFamily.available.map(\.rawValue).joined(separator: ", ")).")
    var kernels = KernelFamily.best.rawValue

    @Option(help: "A folder to keep settings, initial weights, batches, test images and losses in, by seed.")
    var output: String?

    @Option(help: "How many batches of each seed stay in --output.")
    var kept = TrainingRow.compared

    @Option(help: "The Python interpreter that has torch.")
    var python = "python3"

    @Flag(help: "Print JSON: {\"rows\": [{\"seed\", \"loss_difference\", \"dice\", \"peer_dice\", …}], …}.")
    var json = false

    func validate() throws {
        func require(_ holds: Bool, _ what: String) throws {
            if !holds { throw ValidationError(what) }
        }
        try require(1...100_000 ~= count, "--count \(count) is outside 1...100000")
        try require(32...8192 ~= size, "--size \(size) is outside 32...8192")
        try require(1...1_000_000 ~= steps, "--steps \(steps) is outside 1...1000000")
        try require(0...1_000_000 ~= warmUp, "--warm-up \(warmUp) is outside 0...1000000")
        try require(1...4096 ~= batch, "--batch \(batch) is outside 1...4096")
        try require(1...8192 ~= patch, "--patch \(patch) is outside 1...8192")
        try require(1...256 ~= threads, "--threads \(threads) is outside 1...256")
        try require(kept >= 0, "--kept \(kept) is negative")
        try require(!seedList.isEmpty, "--seeds \(seeds) is no list of numbers")
        try require(classList.count >= 2, "--classes \(classes) is no list of two numbers or more")
        try require(!network.channels.isEmpty, "--channels \(channels) is no list of numbers")
        if let problem = network.problems().first {
            throw ValidationError("--channels \(channels): \(problem.message)")
        }
        try require(
            KernelFamily.available.map(\.rawValue).contains(kernels),
            "this processor cannot run the '\(kernels)' kernels")
    }

    private static func numbers(_ text: String) -> [Int] {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        return parts.contains(nil) ? [] : parts.compactMap { $0 }
    }

    private var seedList: [Int] { Self.numbers(seeds).filter { $0 >= 0 } }
    private var classList: [Int32] { Self.numbers(classes).map { Int32(clamping: $0) } }
    private var network: UNet { UNet(classes: max(2, classList.count), channels: Self.numbers(channels)) }

    func run() throws {
        let pool = ThreadPool(threads: threads)
        let material =
            if let data {
                try TrainingMaterial(folder: data, classes: classList, pool: pool)
            } else {
                try TrainingMaterial(size: size, count: count, pool: pool)
            }
        var peer: TrainingPeer?, notes: [String] = []
        do {
            let found = try TrainingPeer(python: python, threads: threads)
            notes.append("peer: torch \(found.version)")
            peer = found
        } catch let diagnostic as Diagnostic {
            notes.append("peer: none: \(diagnostic.message)")
        }
        notes.append(
            "ours: \(kernels), \(threads) thread(s) · \(Processor.name) · \(steps) steps of \(batch) patches of "
                + "\(patch)×\(patch), \(material.training.count) images to train with, \(material.test.count) to test")
        let folder = output ?? FileManager.default.temporaryDirectory.path + "/lucency-training-\(getpid())"
        defer { if output == nil { FileSystem.removeTree(folder) } }
        let run = TrainingRun(
            network: network, settings: trainingSettings, material: material,
            kernels: Kernels(family: KernelFamily(rawValue: kernels) ?? .portable), pool: pool, peer: peer,
            keptBatches: output == nil ? 0 : kept)
        var rows: [TrainingRow] = []
        for seed in seedList {
            let row = try run(seed: seed, in: FileSystem.join(folder, "seed-\(seed)"))
            if !json { FileHandle.standardError.write(Data("\(row.text)\n".utf8)) }
            rows.append(row)
        }
        show(rows, notes)
    }

    /// Those of `pipelines/em-membranes-unet.yaml`, and a warm-up: without one, Adam's first steps make rounding grow so fast
    /// that the peer's own losses in 32 and in 64 bits differ by 5e-3 within 20 steps. The last weights are kept, because
    /// nothing is validated on the way.
    private var trainingSettings: TrainingSettings {
        var settings = TrainingSettings()
        var spatial = SpatialTransform()
        (spatial.rotationProbability, spatial.elasticProbability) = (0.5, 0.3)
        settings.augmentation = AugmentationPipeline([
            .spatial(spatial), .flip(Flip()), .rot90(QuarterTurn()), .gamma(Gamma()), .brightness(Brightness()),
            .noise(GaussianNoise()),
        ])
        (settings.steps, settings.batch, settings.patch) = (steps, batch, [patch, patch])
        settings.patchesPerCase = 4
        settings.schedule.warmUp = min(warmUp, steps)
        settings.rate = 0.003
        settings.keepsBest = false
        return settings
    }

    private func show(_ rows: [TrainingRow], _ notes: [String]) {
        let ours = Spread(rows.map(\.dice)), peers = Spread(rows.compactMap(\.peersDice))
        let ratio = rows.compactMap { row in row.peersMilliseconds.map { $0 / row.milliseconds } }
        if json {
            var members: [String: JSONValue] = [
                "rows": .array(rows.map(\.json)), "notes": .array(notes.map { .string($0) }),
            ]
            if let ours { members["dice"] = ours.json }
            if let ours, let peers {
                members["peer_dice"] = peers.json
                members["overlap"] = .bool(ours.overlaps(peers))
                members["loss_difference"] = .number(rows.compactMap(\.difference).max() ?? .nan)
                members["ratio"] = .number(ratio.median)
            }
            print(JSONValue.object(members).prettyText)
            return
        }
        var lines = notes + ["", TrainingRow.heading] + rows.map(\.text)
        if let ours, rows.count > 1 {
            lines += ["", "Dice over \(rows.count) seeds, mean ± standard deviation: \(ours.text)"]
            if let peers {
                let touch = ours.overlaps(peers) ? "the intervals overlap" : "the intervals do not overlap"
                lines[lines.count - 1] += ", the peer's \(peers.text): \(touch)"
            }
        }
        print(lines.joined(separator: "\n"))
    }
}
