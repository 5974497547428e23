import LucencyFoundation
import LucencyImaging

/// Renders breast tissue stained with hematoxylin and eosin under a microscope: ducts, lobules and fat, or nests, cords
/// and sheets of tumour cells, in fibrous stroma, with every nucleus known.
///
/// Tissue is built in micrometres, whatever the magnification. It is a map of two stain concentrations, from which the
/// colours follow by the law of Beer and Lambert. Class, laboratory, stain and the nuclei's traits belong to the
/// patient; `imagesPerPatient` pictures in a row share one.
public struct Histology: Sendable, Hashable {
    /// Pixels: multiples of 8 in 64...1024, so that every low-resolution version has whole pixels.
    public var width: Int
    public var height: Int
    /// Nominal magnifications (objective × 10), 40...400; pictures go through them in turn, whoever the patient is.
    public var magnifications: [Int]
    /// A pixel's side in micrometres at 400×; at other magnifications it is in inverse proportion. Nuclei measured on
    /// pictures of the BreaKHis database (Spanhol et al. 2016) have 6–12 µm at 0.2 µm. 0.05...0.25.
    public var pixel: Double
    public var imagesPerPatient: Int
    /// How many laboratories the patients come from.
    public var laboratories: Int
    /// The share of patients with a malignant tumour.
    public var malignantShare: Double
    public var benign: HistologyTissue
    public var malignant: HistologyTissue
    public var stain: HistologyStain
    public var microscope: HistologyMicroscope

    public init(
        width: Int = 256, height: Int = 256, magnifications: [Int] = [40, 100, 200, 400], pixel: Double = 0.2,
        imagesPerPatient: Int = 4, laboratories: Int = 4, malignantShare: Double = 0.5,
        benign: HistologyTissue = .benign, malignant: HistologyTissue = .malignant,
        stain: HistologyStain = HistologyStain(), microscope: HistologyMicroscope = HistologyMicroscope()
    ) {
        self.width = width
        self.height = height
        self.magnifications = magnifications
        self.pixel = pixel
        self.imagesPerPatient = imagesPerPatient
        self.laboratories = laboratories
        self.malignantShare = malignantShare
        self.benign = benign
        self.malignant = malignant
        self.stain = stain
        self.microscope = microscope
    }

    /// The semantic classes of the product `label`.
    public enum Label: Int32, CaseIterable, Sendable {
        /// Glass without tissue, such as clefts.
        case background, stroma, epithelium, nucleus, lumen, fat, blood

        var color: SIMD3<UInt8> {
            switch self {
            case .background: [255, 255, 255]
            case .stroma: [230, 150, 190]
            case .epithelium: [170, 110, 190]
            case .nucleus: [60, 40, 130]
            case .lumen: [200, 230, 250]
            case .fat: [250, 230, 150]
            case .blood: [200, 40, 50]
            }
        }
    }

    /// The factors of the low-resolution products `low2`, `low4`, `low8`.
    public static let factors = [2, 4, 8]

    /// A pixel's side in micrometres at a magnification.
    public func pixelSide(at magnification: Int) -> Double { pixel * 400 / Double(magnification) }
}
