/// Everything a pipeline can name. The lists are handed in, so that this target knows no stage.
public struct Catalog: Sendable {
    public var sources: [SourceDescriptor]
    public var stages: [StageDescriptor]
    public var collectors: [CollectorDescriptor]
    public var writers: [WriterDescriptor]
    public var components: [ComponentKind]

    public init(
        sources: [SourceDescriptor], stages: [StageDescriptor], collectors: [CollectorDescriptor],
        writers: [WriterDescriptor], components: [ComponentKind]
    ) {
        self.sources = sources
        self.stages = stages
        self.collectors = collectors
        self.writers = writers
        self.components = components
    }

    public func source(_ id: String) -> SourceDescriptor? { sources.first { $0.about.id == id } }
    public func stage(_ id: String) -> StageDescriptor? { stages.first { $0.about.id == id } }
    public func collector(_ id: String) -> CollectorDescriptor? { collectors.first { $0.about.id == id } }

    var stageNames: [String] { stages.map(\.about.id) + collectors.map(\.about.id) }

    func writer(for type: PortType, extension suffix: String) -> WriterDescriptor? {
        writers.first { $0.type == type && $0.fileExtensions.contains(suffix) }
    }
}
