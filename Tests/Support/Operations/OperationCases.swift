/// Every operation of the engine, at shapes that try its corners. One list for golden values, gradients and throughput.
public enum OperationCases {
    public static let all: [OperationCase] =
        convolutions + fourierConvolutions + transposedConvolutions + normalizations + activations + arithmetic
        + reductions + poolings + resizings + shapes + losses + objectives + tokens
}
