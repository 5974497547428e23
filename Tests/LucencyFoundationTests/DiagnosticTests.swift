import LucencyFoundation
import Testing

@Suite struct DiagnosticTests {
    private struct Broken: Error, CustomStringConvertible { let description = "it broke" }

    @Test func `any error becomes one diagnostic that says each thing once`() {
        let first = Diagnostic(.badValue, "a is wrong", at: .init(file: "f"), remedy: "mend a")
        let second = Diagnostic(.badLabel, "b is wrong", remedy: "mend b")
        #expect(Diagnostic.wrapping(first, as: .stageFailed) == first)
        #expect(Diagnostic.wrapping(DiagnosticList([first]), as: .stageFailed) == first)
        let both = Diagnostic.wrapping(DiagnosticList([first, second]), as: .stageFailed)
        #expect(both.message == "a is wrong; b is wrong" && both.remedy == "mend a; mend b")
        #expect(both.code == .badValue && both.place?.file == "f" && both.severity == .error)
        #expect(both.description.components(separatedBy: "error:").count == 2)
        let other = Diagnostic.wrapping(Broken(), as: .stageFailed)
        #expect(other.message == "it broke" && other.code == .stageFailed)
        #expect(Diagnostic.wrapping(DiagnosticList([]), as: .stageFailed).code == .stageFailed)
    }
}
