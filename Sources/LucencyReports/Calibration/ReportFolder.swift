import LucencyFoundation

extension CalibrationReport {
    /// Writes `report.html`, `report.json`, `tables/*.csv` and `figures/*.svg` into a folder, each whole or not at all.
    ///
    /// The tables guard texts against being run as formulas; a reader of CSV sees an apostrophe before such a text.
    /// - Returns: the relative names of the files.
    @discardableResult
    public func write(to folder: String, pictures: [CasePicture] = []) throws(Diagnostic) -> [String] {
        var files: [(name: String, text: String)] = [
            ("report.html", page(pictures: pictures, tables: "tables")), ("report.json", try json().prettyText + "\n"),
        ]
        for (name, table) in try tables() { files.append(("tables/\(name).csv", table.spreadsheetCSV)) }
        for (name, chart) in figures { files.append(("figures/\(name).svg", chart.svg)) }
        for (name, text) in files {
            let path = FileSystem.join(folder, name)
            do {
                try FileSystem.replace(path, temporaryName: ".lucency-tmp-\(FileSystem.name(of: name))") { temporary in
                    try FileSystem.write(text, to: temporary)
                }
            } catch { throw Diagnostic.wrapping(error, as: .writeFailed) }
        }
        return files.map(\.name)
    }
}
