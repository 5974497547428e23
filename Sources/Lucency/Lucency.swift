// What an embedding program sees with `import Lucency`.
@_exported import LucencyCalibration
@_exported import LucencyFormats
@_exported import LucencyFoundation
@_exported import LucencyFourier
@_exported import LucencyImaging
@_exported import LucencyLearning
@_exported import LucencyMorphology
@_exported import LucencyNetworks
@_exported import LucencyPhantoms
@_exported import LucencyPipeline
@_exported import LucencyReports
@_exported import LucencyStages
@_exported import LucencyTensor
