import LucencyFoundation
import LucencyTensor

/// The plan of each training step. All steps have the same one, unless a strategy is idle for a part of the training.
final class StepPlans {
    /// What a step is run with.
    typealias Made = (step: TrainingStep, workspace: Workspace, active: [any StrategyRun])

    private let runs: [any StrategyRun]
    private let parameters: Parameters
    private let pool: ThreadPool
    private let make: ([any StrategyRun]) throws -> TrainingStep
    private var made: Made?

    init(
        _ runs: [any StrategyRun], parameters: Parameters, pool: ThreadPool,
        make: @escaping ([any StrategyRun]) throws -> TrainingStep
    ) {
        (self.runs, self.parameters, self.pool, self.make) = (runs, parameters, pool, make)
    }

    /// - Parameter number: of the step, from 0.
    func callAsFunction(_ number: Int) throws -> Made {
        let active = runs.filter { $0.idleTerms(step: number) == nil }
        if let made, made.active.elementsEqual(active, by: { $0 === $1 }) { return made }
        // The old workspace goes before the new one comes.
        made = nil
        let step = try make(active)
        let new = (step, try Workspace(step.plan, parameters: parameters, pool: pool), active)
        made = new
        return new
    }
}
