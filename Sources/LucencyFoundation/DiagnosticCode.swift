/// The stable code of each kind of diagnostic. Codes are never reused; messages may be reworded.
public enum DiagnosticCode: String, CaseIterable, Hashable, Sendable {
    // 01: the command line and its surroundings
    case usage = "LC0101"
    case missingFile = "LC0102"
    case unreadableFile = "LC0103"
    case unwritable = "LC0104"
    case missingLibrary = "LC0105"

    // 02: the pipeline file
    case yamlSyntax = "LC0201"
    case yamlTooLarge = "LC0202"
    case wrongKind = "LC0203"
    case unknownKey = "LC0204"
    case missingKey = "LC0205"
    case unsupportedVersion = "LC0206"
    case unknownStage = "LC0210"
    case unknownComponent = "LC0211"
    case unknownParameter = "LC0212"
    case badValue = "LC0213"
    case missingUnit = "LC0214"
    case unknownReference = "LC0220"
    case missingInput = "LC0221"
    case extraInput = "LC0222"
    case portMismatch = "LC0223"
    case cycle = "LC0224"
    case mixedSources = "LC0225"
    case variantMisuse = "LC0226"
    case preparationMismatch = "LC0227"
    case unused = "LC0230"
    case duplicateName = "LC0231"
    case badTemplate = "LC0240"
    case outputCollision = "LC0241"
    case escapingPath = "LC0242"
    case notShardable = "LC0250"

    // 03: image files
    case unknownFormat = "LC0301"
    case damagedFile = "LC0302"
    case unsupportedFeature = "LC0303"
    case tooLarge = "LC0304"
    case notFinite = "LC0305"
    case inexactValue = "LC0306"
    case noSuchPage = "LC0307"
    case wouldLoseData = "LC0308"
    case badMetadata = "LC0309"

    // 04: geometry and values
    case badGeometry = "LC0401"
    case geometryMismatch = "LC0402"
    case assumedSpacing = "LC0403"
    case channelMismatch = "LC0404"
    case badLabel = "LC0405"
    case regionOutside = "LC0406"
    case sizeMismatch = "LC0407"
    case badArgument = "LC0408"

    // 05: methods
    case undefinedResult = "LC0501"

    // 06: running
    case noItems = "LC0601"
    case unmatchedFiles = "LC0602"
    case overBudget = "LC0603"
    case writeFailed = "LC0604"
    case manifestDamaged = "LC0605"
    case changedOutput = "LC0606"
    case dependencyFailed = "LC0607"
    case stageFailed = "LC0608"
    case cancelled = "LC0609"
    case outputBusy = "LC0610"
}
