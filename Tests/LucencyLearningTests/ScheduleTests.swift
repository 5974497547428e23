import Foundation
import LucencyLearning
import Testing

@Suite struct ScheduleTests {
    @Test func `the rate grows evenly during the warm-up and then takes its course`() {
        var schedule = Schedule(.cosine, rate: 0.4, steps: 104)
        schedule.warmUp = 4
        #expect((0..<4).map(schedule.rate(at:)).elementsEqual([0.1, 0.2, 0.3, 0.4]) { abs($0 - $1) < 1e-15 })
        #expect(schedule.rate(at: 4) == 0.4)
        #expect(abs(schedule.rate(at: 29) - 0.4 * (1 + cos(.pi / 4)) / 2) < 1e-12)
        #expect(abs(schedule.rate(at: 54) - 0.2) < 1e-12)
        #expect(abs(schedule.rate(at: 104)) < 1e-12)
        #expect(schedule.rate(at: 5000) == schedule.rate(at: 104))
        schedule.floor = 0.1
        #expect(abs(schedule.rate(at: 104) - 0.04) < 1e-12)
    }

    @Test func `polynomial, step and constant courses follow their formulas`() {
        let polynomial = Schedule(.polynomial, rate: 0.01, steps: 1000)
        for step in [0, 1, 500, 999] {
            #expect(abs(polynomial.rate(at: step) - 0.01 * pow(1 - Double(step) / 1000, 0.9)) < 1e-15)
        }
        #expect(polynomial.rate(at: 1000) == 0)
        var step = Schedule(.step, rate: 1)
        step.interval = 10
        step.factor = 0.5
        #expect([0, 9, 10, 25].map(step.rate(at:)) == [1, 1, 0.5, 0.25])
        #expect([0, 1, 1_000_000].map(Schedule(.constant, rate: 3).rate(at:)) == [3, 3, 3])
    }

    @Test func `settings are plain values that survive JSON`() throws {
        var settings = LearningSettings(
            optimizer: .adamW(decay: 0.05), schedule: Schedule(.cosine, rate: 1e-3, steps: 9))
        settings.maximumNorm = 12
        settings.averageDecay = 0.999
        let data = try JSONEncoder().encode(settings)
        #expect(try JSONDecoder().decode(LearningSettings.self, from: data) == settings)
    }
}
