import LucencyKernels
import Testing

@Suite struct FamilyTests {
    @Test func theBestFamilyIsAvailable() {
        #expect(lk_family_available(lk_family_best()) == 1)
        #expect(lk_family_available(LK_PORTABLE) == 1)
    }
}
