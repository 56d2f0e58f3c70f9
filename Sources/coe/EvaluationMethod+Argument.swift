public import ArgumentParser
public import Evaluation
public import StatefulTools

extension EvaluationMethod: ExpressibleByArgument {}
extension AnswerForm: ExpressibleByArgument {}

extension Shard: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
