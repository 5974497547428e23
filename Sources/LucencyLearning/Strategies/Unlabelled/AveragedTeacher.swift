import LucencyFoundation

/// How a moving average begins.
public enum TeacherDecayForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// By min(decay, 1 - 1/(step + 2)): until the decay is reached the teacher is the plain mean of all weights so far.
    /// Tarvainen and Valpola 2017.
    case rising
    /// The decay in every step, as in the authors' program of CW-BASS; in a training that is not much longer than
    /// 1/(1 - decay) steps the teacher then remembers its random first weights.
    case constant
}

/// What becomes of running statistics of batch normalization in a moving average of weights.
public enum TeacherBufferForm: String, Codable, Hashable, Sendable, CaseIterable {
    /// Averaged as the weights are [ours]: statistics of the student's weights are not those of averaged ones.
    case averaged
    /// Those of the student, as in the authors' program of CW-BASS.
    case copied
}

/// A teacher that is the moving average of the student: the settings.
public struct AveragedTeacher: Codable, Hashable, Sendable {
    /// How much of its weights remains in a step, in 0...1; with the rising form, at most.
    public var decay = 0.999
    public var form = TeacherDecayForm.rising
    public var buffers = TeacherBufferForm.averaged

    public init() {}

    /// How much of its weights remains after a step, counted from 0.
    package func keeping(step: Int) -> Float {
        form == .constant ? Float(decay) : Float(min(decay, 1 - 1 / Double(step + 2)))
    }
}
