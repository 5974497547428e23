import LucencyFoundation
import LucencyImaging
import LucencyPipeline
import LucencyReports

/// Which of its items a source takes: first a part of a split, then some of those.
struct ItemChoice: Sendable {
    var split: SplitSetting?
    var part: PartSetting?
    var keep: KeepSetting?

    /// Reports what does not fit together.
    fileprivate func check(_ ports: [Port], at place: Diagnostic.Place?, _ decoding: inout Decoding) {
        switch (split, part) {
        case (nil, nil): break
        case (nil, _?):
            decoding.error(
                .badValue, "`part` names a part of a split, and there is none", at: place,
                remedy: "add `split: {folds: 5, fold: 1}`")
        case (_?, nil):
            decoding.error(
                .missingKey, "the source has a `split`, but does not say which part it takes", at: place,
                remedy: "add `part: training`, `validation` or `test` beside `split`")
        case (let split?, let written?):
            if let part = written.part, split.leavesOut(part) {
                decoding.error(
                    .badValue, "the split has no \(part.rawValue) part", at: place,
                    remedy: split.folds == nil
                        ? "give `fractions` a share for `\(part.rawValue)`"
                        : "add `validation: true` to the split; the fold after the test fold is then for validation")
            }
            if ports.contains(where: { $0.name == ConfiguredSource.splitPort }) {
                decoding.error(
                    .duplicateName, "a source with a split has a port '\(ConfiguredSource.splitPort)' already",
                    at: place,
                    remedy: "choose another name under `also`")
            }
        }
    }
}

/// Settings of a source that can take some of its items.
protocol ItemChoosing: Sendable {
    var choice: ItemChoice { get set }
}

extension ItemChoosing {
    static var choiceParameters: [Parameter<Self>] {
        [
            Parameter(
                "split", \.choice.split,
                help:
                    "How all items are divided: {folds: 5, fold: 1}; adds the port `split`, a table of what became of an item."
            ),
            Parameter("part", \.choice.part, help: "The part of the split that this source takes."),
            Parameter(
                "keep", \.choice.keep, help: "Only some of the items (of the part), chosen by a seed: {count: 10}."),
        ]
    }
}

extension ConfiguredSource {
    static let splitPort = "split"

    /// The same source with only the chosen items; with a split it has one more port.
    func choosing(
        _ choice: ItemChoice, at place: Diagnostic.Place?, _ decoding: inout Decoding
    ) -> ConfiguredSource {
        choice.check(ports, at: place, &decoding)
        let list = self.list, keep = choice.keep?.selection
        guard let setting = choice.split, let part = choice.part?.part else {
            guard let keep else { return self }
            return ConfiguredSource(ports: ports, needsInput: needsInput, files: files) { context in
                var listing = try list(context)
                listing.items = try keep(listing.items)
                return listing
            }
        }
        let split = setting.split(part)
        let tables = [setting.group, setting.stratify].compactMap { $0?.file }
        return ConfiguredSource(
            ports: ports + [Port(Self.splitPort, Table.portType)],
            needsInput: needsInput || tables.contains { $0.contains(Decoding.missingInput) }, files: files + tables,
            split: split
        ) { context in
            var listing = try list(context)
            let members = try split.divide(listing.items.map(\.relative))
            listing.items = zip(listing.items, members).filter { $1.part == part }.map { item, member in
                item.adding(Self.splitPort, member.loader)
            }
            if let keep { listing.items = try keep(listing.items) }
            return listing
        }
    }
}

extension ItemSplit.Membership {
    /// A table of one row. Columns that say nothing for this split are not there.
    fileprivate func table() throws(Diagnostic) -> Table {
        var columns: [(name: String, cell: Table.Cell)] = [("part", .text(part.rawValue))]
        if let testFold { columns.append(("testFold", .integer(testFold))) }
        if let group { columns.append(("group", .text(group))) }
        if let stratum { columns.append(("stratum", .text(stratum))) }
        return try Table(title: "split", columns: columns.map { .init($0.name) }, rows: [columns.map(\.cell)])
    }

    /// Makes the table when it is asked for.
    fileprivate var loader: ItemLoader {
        ItemLoader(paths: [], reader: "split 1") {
            ValueEstimate(size: GridSize(1, 1))
        } contentHashes: {
            [SHA256.hex(of: try table().csv)]
        } load: {
            try table()
        }
    }
}
