import Foundation
import Lucency
import Support
import Testing

@Suite struct DoctorTests {
    @Test func `the doctor names libraries, formats and kernels, and finds this machine well`() throws {
        let result = try lucency("doctor", "--json")
        #expect(result.status == 0, "\(result.out)")
        let facts = try result.json
        let fftw = FourierBackEnd.available.contains(.fftw) ? ["fftw"] : []
        for name in ["libpng", "zlib", "libtiff", "libjpeg", "libcrypto"] + fftw {
            let version = try #require(facts["libraries"]?[name]?.stringValue)
            #expect(version.contains(where: \.isNumber) && !version.contains("\n"), "\(name): \(version)")
        }
        #expect(facts["lucency"]?.stringValue == lucencyVersion)
        #expect(facts["kernels"]?["used"]?.stringValue == KernelFamily.best.rawValue)
        #expect(facts["kernels"]?["available"]?.arrayValue?.contains("portable") == true)
        #expect(facts["fourier"]?.stringValue == FourierBackEnd.standard.rawValue)
        #expect(facts["matrixProducts"]?.stringValue == MatrixProducts.description)
        #expect(facts["tiffCodecs"]?["deflate"] == true)
        let formats = facts["formats"]?.arrayValue ?? []
        #expect(formats.contains { $0["name"] == "tiff" && $0["writes"] == true })
        #expect(formats.contains { $0["name"] == "jpeg" && $0["writes"] == false })
        #expect((facts["memory"]?.intValue ?? 0) > 1 << 26 && (facts["processor"]?["count"]?.intValue ?? 0) >= 1)
        #expect(facts["problems"] == [])
    }

    @Test func `a missing temporary folder is a problem`() throws {
        let process = Process()
        process.executableURL = lucencyBinary
        process.arguments = ["doctor"]
        process.environment = ["TMPDIR": "/nowhere/at-all"]
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "out")
            try Data().write(to: out)
            process.standardOutput = try FileHandle(forWritingTo: out)
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 1)
            #expect(
                String(decoding: try Data(contentsOf: out), as: UTF8.self).contains("problem: the temporary folder"))
        }
    }

    @Test(arguments: ["inspect", "convert", "apply", "doctor"])
    func `each command explains itself with an example`(command: String) throws {
        let result = try lucency(command, "--help")
        #expect(result.status == 0 && result.out.contains("lucency \(command)") && result.out.contains("xample"))
    }
}
