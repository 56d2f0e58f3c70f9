public import ArgumentParser
public import UserRunner

extension TestKind: ExpressibleByArgument {}
