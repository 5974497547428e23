import Foundation
import Lucency
import Support
import Testing

/// What the world does to a run: disks, permissions, other processes, signals. What could be done is done and sound, what
/// could not is told, and the same command goes on from there.
@Suite("Runs in a world that does not keep still")
struct FaultTests {
    // MARK: Disks

    @Test("A full disk fails the items that no longer fit, leaves no half file, and the same command goes on later")
    func fullDisk() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 40)
            let disk = try SmallDisk(at: job.output, "size=120k")
            defer { disk.unmount() }
            let run = try job.run()
            #expect(run.status == 2 || run.status == 1, "\(run.errors)")
            #expect(run.errors.contains("No space left on device"), "\(run.errors)")
            let made = try results(job.output)
            #expect(!made.isEmpty && made.count < 40)
            // What is there is whole, and nothing else is.
            let whole = try job.undisturbed()
            for (name, bytes) in made { #expect(whole[name] == bytes, "\(name)") }
            try disk.mount("remount,size=64m")
            let again = try job.run()
            #expect(again.status == 0, "\(again.errors)")
            #expect(try results(job.output) == whole)
        }
    }

    @Test("An output folder that is read-only ends the run before it begins")
    func readOnlyOutput() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 2)
            let disk = try SmallDisk(at: job.output, "size=1m,ro")
            defer { disk.unmount() }
            let run = try job.run()
            #expect(run.status == 1)
            #expect(run.errors.contains("nothing can be written there"), "\(run.errors)")
            #expect(run.errors.contains("Read-only file system"), "\(run.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: job.output.path).isEmpty)
        }
    }

    // MARK: Inputs

    @Test("An image that may not be read fails alone")
    func unreadableInput() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 3)
            let closed = job.images.appending(path: "001.png").path
            #expect(chmod(closed, 0) == 0)
            guard let user = Program.ordinaryUser(folder) else {
                try Test.cancel("root may read everything, and there is no setpriv to be somebody else")
            }
            let run = try user(job.arguments)
            #expect(run.status == 2, "\(run.errors)")
            #expect(run.errors.contains("001.png: error: "), "\(run.errors)")
            #expect(run.errors.contains("Permission denied"), "\(run.errors)")
            #expect(try results(job.output).keys.sorted() == ["000.png", "002.png"])
        }
    }

    @Test("An image that vanishes during the run fails alone")
    func vanishedInput() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 60)
            let run = try job.watched { event, _ in
                guard event == "itemFinished" else { return }
                try? FileManager.default.removeItem(at: job.images.appending(path: "059.png"))
            }
            #expect(run.status == 2, "\(run.errors)")
            #expect(run.errors.contains("059.png"), "\(run.errors)")
            #expect(try results(job.output).count == 59)
            #expect(try runLucency(["verify", job.output.path]).status == 0)
            // It is not there any more, so nothing is missing.
            #expect(try job.run().status == 0)
        }
    }

    @Test("Links that lead round in circles give each image once, and a link to itself fails alone")
    func linkLoops() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 2)
            let deep = job.images.appending(path: "deep")
            try FileManager.default.createDirectory(at: deep, withIntermediateDirectories: true)
            func link(_ at: URL, _ target: String) throws {
                try FileManager.default.createSymbolicLink(atPath: at.path, withDestinationPath: target)
            }
            try link(deep.appending(path: "up"), "..")
            try link(job.images.appending(path: "here"), ".")
            try link(job.images.appending(path: "self.png"), "self.png")
            let run = try job.run()
            #expect(run.status == 2, "\(run.errors)")
            #expect(run.errors.contains("2 done, 1 failed"), "\(run.errors)")
            #expect(run.errors.contains("Too many levels of symbolic links"), "\(run.errors)")
        }
    }

    @Test("Names with spaces, line ends, quotes and a thousand characters are names like others")
    func oddNames() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 1)
            let source = job.images.appending(path: "000.png")
            let deep = Array(repeating: String(repeating: "d", count: 200), count: 5).joined(separator: "/")
            let names = [
                "with spaces .png", "line\nend.png", "tab\t'\"$`\\.png", "-rf.png", "*?.png", "größer–∞.png",
                "{stem}.png",
                String(repeating: "n", count: 251) + ".png", deep + "/x.png",
            ]
            for name in names {
                let path = job.images.path + "/" + name
                try FileSystem.makeFolder(FileSystem.folder(of: path))
                try FileSystem.copy(source.path, to: path)
            }
            let run = try job.run()
            #expect(run.status == 0, "\(run.errors)")
            let first = try Data(contentsOf: job.output.appending(path: "000.png"))
            for name in names {
                #expect(try FileSystem.bytes(job.output.path + "/" + name, limit: 1 << 20) == Array(first), "\(name)")
            }
            #expect(try runLucency(["verify", job.output.path]).status == 0)
            #expect(try job.run().errors.contains("nothing to do: 10 items are up to date"))
            let why = try runLucency(["why", job.output.path, "line\nend"])
            #expect(why.status == 0, "\(why.errors)")
            // A result whose name the file system cannot take fails alone.
            let long = try FaultyRun(folder.appending(path: "long"), images: job.images, name: "{relative}-mask.png")
            let tooLong = try long.run()
            #expect(tooLong.status == 2, "\(tooLong.errors)")
            #expect(tooLong.errors.contains("File name too long") && tooLong.errors.contains("9 done, 1 failed"))
        }
    }

    #if os(Linux)
        @Test("A name that is not UTF-8 is refused by that name, not taken for a file that is missing")
        func foreignNames() throws {
            try withTemporaryFolder { folder in
                let job = try FaultyRun(folder, items: 2)
                let bytes = try FileSystem.bytes(job.images.appending(path: "000.png").path, limit: 1 << 20)
                // `caf\xE9.png`, as Latin-1 writes it.
                func make(_ name: [UInt8], _ make: (UnsafePointer<CChar>) -> Int32) -> Bool {
                    let path = Array((job.images.path + "/").utf8) + name + [0]
                    return path.withUnsafeBufferPointer { buffer in
                        buffer.withMemoryRebound(to: CChar.self) { $0.baseAddress.map(make) ?? -1 } >= 0
                    }
                }
                let latin = Array("caf".utf8) + [0xE9] + Array(".png".utf8)
                try #require(
                    make(latin) { path in
                        let file = open(path, O_WRONLY | O_CREAT, 0o666)
                        defer { close(file) }
                        return write(file, bytes, bytes.count) == bytes.count ? 0 : -1
                    })
                let run = try job.run()
                #expect(run.status == 2, "\(run.errors)")
                #expect(run.errors.contains("caf\\xE9.png: error: the file's name is not UTF-8"), "\(run.errors)")
                #expect(run.errors.contains("rename the file"))
                #expect(run.errors.contains("2 done, 1 failed"))
                #expect(try results(job.output).count == 2)
                let why = try runLucency(["why", job.output.path, "caf\\xE9"])
                #expect(why.errors.contains("the file's name is not UTF-8"), "\(why.errors)")
                // A folder of such a name would hide items.
                try #require(make(Array("d".utf8) + [0xFF]) { mkdir($0, 0o777) })
                let hidden = try job.run()
                #expect(hidden.status == 1)
                #expect(hidden.errors.contains("d\\xFF: error: the folder's name is not UTF-8"), "\(hidden.errors)")
            }
        }
    #endif

    // MARK: Processes

    @Test("A second run into the same folder is told so and changes nothing; the first one ends as if alone")
    func twoRuns() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 60)
            var second: (status: Int32, out: Data, errors: String)?
            let first = try job.watched { event, process in
                guard event == "itemFinished", second == nil else { return }
                kill(process, SIGSTOP)
                second = try? job.run()
                kill(process, SIGCONT)
            }
            let refused = try #require(second)
            #expect(refused.status == 1)
            #expect(refused.errors.contains("another run is writing there"), "\(refused.errors)")
            #expect(first.status == 0, "\(first.errors)")
            #expect(try results(job.output) == job.undisturbed())
        }
    }

    @Test("Signals end a run after the items in flight, with what to do next", arguments: [SIGINT, SIGTERM])
    func signals(number: Int32) throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 60)
            var sent = false
            let run = try job.watched { event, process in
                guard event == "itemFinished", !sent else { return }
                sent = true
                kill(process, number)
            }
            #expect(run.status == 1, "\(run.errors)")
            #expect(run.errors.contains("run the same command again to go on"), "\(run.errors)")
            let made = try results(job.output).count
            #expect(made > 0 && made < 60)
            let verified = try runLucency(["verify", job.output.path])
            #expect(String(decoding: verified.out, as: UTF8.self) == "\(made) of \(made) files are intact\n")
            let record = try TestFiles.json(job.output.appending(path: "run.json"))
            #expect(record["status"]?.stringValue == "cancelled")
            let again = try job.run()
            #expect(again.status == 0)
            #expect(again.errors.contains("\(made) up to date"), "\(again.errors)")
            #expect(try results(job.output) == job.undisturbed())
        }
    }

    @Test("A second signal ends the run at once, and the same command goes on")
    func secondSignal() throws {
        try withTemporaryFolder { folder in
            let job = try FaultyRun(folder, items: 60)
            var count = 0
            let run = try job.watched { _, process in
                // Again and again: how soon the first one is taken in nobody knows.
                count += 1
                if count > 3 { kill(process, SIGINT) }
            }
            #expect(run.status == 128 + SIGINT || run.status == 1, "\(run.errors)")
            #expect(try job.run().status == 0)
            #expect(try results(job.output) == job.undisturbed())
        }
    }
}

/// A pipeline of one threshold on copies of a rendered image.
private struct FaultyRun {
    let images: URL
    let output: URL
    private let folder: URL
    private let pipeline: URL

    /// - Parameter items: how many copies are made, `000.png` and so on.
    init(_ folder: URL, items: Int) throws {
        let images = folder.appending(path: "images")
        try self.init(folder, images: images, name: "{relative}.png")
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        let source = Slices.rendered.images.appending(path: "00.png")
        for index in 0..<items {
            let digits = String(index)
            let name = String(repeating: "0", count: 3 - digits.count) + digits + ".png"
            try FileManager.default.copyItem(at: source, to: images.appending(path: name))
        }
    }

    init(_ folder: URL, images: URL, name: String) throws {
        (self.folder, self.images) = (folder, images)
        output = folder.appending(path: "out")
        pipeline = folder.appending(path: "p.yaml")
        try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
        try """
        lucency: 1
        sources: {slices: {uses: folder}}
        stages:
          even: {uses: fourier.homomorphic, in: slices, with: {cutoff: 24 px}}
          mask: {uses: segment.threshold, in: even}
        outputs: {masks: {from: mask, as: "\(name)"}}
        """.write(to: pipeline, atomically: true, encoding: .utf8)
    }

    private func arguments(to output: URL, _ progress: String) -> [String] {
        ["run", pipeline.path, "--input", images.path, "--output", output.path, "--progress", progress, "--jobs", "1"]
    }

    var arguments: [String] { arguments(to: output, "plain") }

    func run() throws -> (status: Int32, out: Data, errors: String) { try runLucency(arguments) }

    /// What a run into another folder gives that nothing happens to.
    func undisturbed() throws -> [String: Data] {
        let other = folder.appending(path: "undisturbed")
        let run = try runLucency(arguments(to: other, "plain"))
        #expect(run.status == 0, "\(run.errors)")
        return try results(other)
    }

    /// Runs, and calls `body` with the name of each event as it comes, and the process.
    /// - Returns: the exit status, or 128 + the signal's number, and all that was printed.
    func watched(_ body: (String, pid_t) -> Void) throws -> (status: Int32, errors: String) {
        let process = Process()
        process.executableURL = lucencyBinary
        process.arguments = arguments(to: output, "json")
        let pipe = Pipe()
        process.standardError = pipe
        try process.run()
        var all = Data(), pending = Data()
        while true {
            let piece = pipe.fileHandleForReading.availableData
            if piece.isEmpty { break }
            all += piece
            pending += piece
            while let end = pending.firstIndex(of: 0x0A) {
                let event = try? JSONValue(parsing: String(decoding: pending[..<end], as: UTF8.self))
                pending = Data(pending[pending.index(after: end)...])
                if let name = event?["event"]?.stringValue { body(name, process.processIdentifier) }
            }
        }
        process.waitUntilExit()
        let signalled = process.terminationReason == .uncaughtSignal
        return ((signalled ? 128 : 0) + process.terminationStatus, String(decoding: all, as: UTF8.self))
    }
}

/// A small file system in memory.
private struct SmallDisk {
    let folder: URL

    /// - Throws: the test's cancellation where none can be mounted.
    init(at folder: URL, _ options: String) throws {
        self.folder = folder
        guard geteuid() == 0, Program(onPath: "mount") != nil, (try? mount(options)) != nil else {
            try Test.cancel("only root may mount a small disk, and not everywhere")
        }
    }

    func mount(_ options: String) throws {
        let mount = try #require(Program(onPath: "mount"))
        let outcome = try mount.run(["-t", "tmpfs", "-o", options, "tmpfs", folder.path])
        if outcome.status != 0 { throw Diagnostic(.unwritable, outcome.errors) }
    }

    func unmount() { _ = try? Program(onPath: "umount")?.run(["-l", folder.path]) }
}

extension Program {
    /// Runs lucency as somebody who may not read everything; nil where that cannot be.
    fileprivate static func ordinaryUser(
        _ folder: URL
    ) -> (([String]) throws -> (status: Int32, errors: String))? {
        guard geteuid() == 0 else {
            return { arguments in
                let run = try runLucency(arguments)
                return (run.status, run.errors)
            }
        }
        guard let setpriv = Program(onPath: "setpriv") else { return nil }
        let become = ["--reuid", "65534", "--regid", "65534", "--clear-groups", lucencyBinary.path]
        // The program itself may lie where only root may look.
        guard (try? setpriv.run(become + ["--version"]).status) == 0 else { return nil }
        let inside = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        chmod(folder.path, 0o777)
        for path in inside where !path.hasSuffix(".png") { chmod(folder.path + "/" + path, 0o777) }
        return { arguments in
            let outcome = try setpriv.run(become + arguments)
            return (outcome.status, outcome.errors)
        }
    }
}
