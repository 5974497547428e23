import LucencyFormats
import LucencyFoundation
import LucencyImaging
import LucencyPipeline

extension SourceDescriptor {
    static let folder = SourceDescriptor(
        "folder", "Images of a folder with optional labels and further maps, paired by name.",
        prototype: FolderSettings(),
        parameters: [
            Parameter(
                "images", \.images,
                help:
                    "Folder, file or pattern; or a mapping from channel names to patterns. Left out: the folder given by --input."
            ),
            Parameter("labels", \.labels, help: "Folder or pattern of label maps; adds the port `label`."),
            Parameter(
                "classes", \.classes,
                help: "Class names with their stored label values; classes are numbered from 0 in this order."),
            Parameter("ignore", \.ignore, help: "Stored label values of pixels that nobody should judge."),
            Parameter(
                "also", \.also,
                help: "Further ports by name: a folder of label maps, or {folder: DIR, as: image}."),
            Parameter(
                "facts", \.facts,
                help: "What is known of each item, from a table: {file: list.csv, item: image}; adds the port `facts`."),
            Parameter("list", \.list, help: "Text file with one stem or relative name per line; only these are read."),
            Parameter(
                "spacing", \.spacing, in: .positive,
                help: "Pixel spacing where files state none: one length, or one each for x, y, z."),
            Parameter("overrideSpacing", \.overrideSpacing, help: "Let `spacing` win over what files state."),
            Parameter(
                "page", \.page, in: .atLeast(1), help: "Page of multi-page files; left out: all pages as a volume."),
        ] + FolderSettings.choiceParameters
    ) { settings, place, decoding in
        var source = FolderSource()
        source.images = settings.images?.images
        source.labels = settings.labels?.path
        source.classes = settings.classes.entries
        source.ignore = settings.ignore
        source.also = settings.also.mapValues(\.further)
        source.list = settings.list?.path
        source.spacing = settings.spacing
        source.overrideSpacing = settings.overrideSpacing
        source.page = settings.page
        if settings.spacing.contains(where: { $0.unit == .px }) {
            decoding.error(.badValue, "a pixel spacing cannot be given in px", at: place, remedy: "use mm, um or nm")
        }
        if settings.spacing.count == 2 || settings.spacing.count > 3 {
            decoding.error(.badValue, "a spacing has one or three lengths", at: place)
        }
        if !settings.classes.entries.isEmpty || !settings.ignore.isEmpty, settings.labels == nil, settings.also.isEmpty
        {
            decoding.error(
                .badValue, "`classes` and `ignore` say how to read labels, but there are none", at: place,
                remedy: "add `labels: DIR`")
        }
        for name in ["image", "label"] where settings.also[name] != nil {
            decoding.error(
                .duplicateName, "`also` cannot have a port '\(name)': the source has one of that name", at: place,
                remedy: name == "label" ? "write `labels: DIR`, or choose another name" : "choose another name")
        }
        source.check(at: place, &decoding)
        return source.configured(readers: .standard).stating(settings.facts, at: place, &decoding)
            .choosing(settings.choice, at: place, &decoding)
    }
}

extension FolderSource.Readers {
    /// PNG, TIFF, JPEG.
    static let standard = FolderSource.Readers(
        fileExtensions: Set(ImageFormats.readers.flatMap(\.fileExtensions)), reader: ImageFormats.reader(for:))
}

/// `FolderSource` as it is written in YAML.
private struct FolderSettings: ItemChoosing {
    var images: ImagesSetting?
    var labels: FilePath?
    var classes = OrderedClasses()
    var ignore: [Int] = []
    var also: [String: FurtherSetting] = [:]
    var facts: FactsSetting?
    var list: FilePath?
    var spacing: [Length] = []
    var overrideSpacing = false
    var page: Int?
    var choice = ItemChoice()
}

private struct ImagesSetting: ParameterValue {
    var images: FolderSource.Images

    static var typeName: String { "a folder, a pattern, or a mapping from channels to patterns" }
    static var schema: JSONValue {
        ["oneOf": [["type": "string"], ["type": "object", "additionalProperties": ["type": "string"]]]]
    }

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> ImagesSetting? {
        guard let entries = yaml.entries else {
            return FilePath.decode(yaml, &decoding).map { ImagesSetting(images: .files($0.path)) }
        }
        var channels: [(name: String, pattern: String)] = []
        for entry in entries {
            guard let text = String.decode(entry.value, &decoding) else { return nil }
            guard text.contains("*") else {
                decoding.error(
                    .badValue, "the channel '\(entry.key)' needs a pattern with *, found '\(text)'",
                    at: entry.value.place,
                    remedy: "what * stands for is the key by which the channels of an item belong together")
                return nil
            }
            // A bare pattern belongs to the folder given by --input.
            channels.append((entry.key, text.contains("/") ? decoding.path(text, from: entry.value.base) : text))
        }
        guard !channels.isEmpty else {
            decoding.error(.badValue, "expected \(typeName), found an empty mapping", at: yaml.place)
            return nil
        }
        return ImagesSetting(images: .channels(channels))
    }

    var canonical: JSONValue {
        switch images {
        case .files: .null
        case .channels(let channels): .array(channels.map { .string($0.name) })
        }
    }
}

private struct FurtherSetting: ParameterValue {
    var further: FolderSource.Further

    static var typeName: String { "a folder, or {folder: DIR, as: image | labels}" }
    static var schema: JSONValue {
        [
            "oneOf": [
                ["type": "string"],
                [
                    "type": "object", "required": ["folder"], "additionalProperties": false,
                    "properties": ["folder": ["type": "string"], "as": ["enum": ["image", "labels"]]],
                ],
            ]
        ]
    }

    static func decode(_ yaml: LocatedYAML, _ decoding: inout Decoding) -> FurtherSetting? {
        guard let entries = yaml.entries else {
            return FilePath.decode(yaml, &decoding).map {
                FurtherSetting(further: .init(folder: $0.path, isImage: false))
            }
        }
        for entry in entries where entry.key != "folder" && entry.key != "as" {
            decoding.error(
                .unknownKey, "a further port has no '\(entry.key)'", at: entry.keyPlace, remedy: "it has: folder, as")
        }
        guard let folder = yaml["folder"].flatMap({ FilePath.decode($0, &decoding) }) else {
            decoding.error(.missingKey, "a further port needs a `folder`", at: yaml.place)
            return nil
        }
        let kind = yaml["as"]?.scalar ?? "labels"
        guard kind == "image" || kind == "labels" else {
            decoding.error(.badValue, "expected image or labels, found '\(kind)'", at: yaml["as"]?.place)
            return nil
        }
        return FurtherSetting(further: .init(folder: folder.path, isImage: kind == "image"))
    }

    var canonical: JSONValue { .string(further.isImage ? "image" : "labels") }
}
