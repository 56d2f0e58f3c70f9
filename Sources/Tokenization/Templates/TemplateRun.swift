/// Runs a chat template: the part of Jinja that published templates use for conversations without tools.
///
/// It serves to find out what a template writes, not to encode conversations; what it does not know, it refuses.
struct TemplateRun {
    private enum Flow { case goesOn, leavesLoop, continuesLoop }

    private var scopes: [[String: TemplateValue]]
    private var namespaces: [[String: TemplateValue]] = []
    private var output = ""
    private var steps = 0
    private static let stepLimit = 50_000

    /// - Parameter variables: What Transformers passes: `messages`, `add_generation_prompt`, `bos_token`, ….
    init(_ variables: [String: TemplateValue]) { scopes = [variables] }

    /// The text that the template writes.
    mutating func text(_ nodes: [TemplateNode]) throws(TemplateError) -> String {
        _ = try run(nodes)
        return output
    }

    private mutating func step(_ count: Int = 1) throws(TemplateError) {
        steps += count
        guard steps < Self.stepLimit, output.utf8.count < 1 << 20 else {
            throw TemplateError("does not come to an end")
        }
    }

    private mutating func run(_ nodes: [TemplateNode]) throws(TemplateError) -> Flow {
        for node in nodes {
            try step()
            switch node {
            case .text(let text): output += text
            case .output(let expression): output += try value(expression).text()
            case .assignment(let name, let member, let expression):
                let value = try value(expression)
                guard let member else {
                    scopes[scopes.count - 1][name] = value
                    break
                }
                guard case .namespace(let number) = variable(name) else {
                    throw TemplateError("sets a member of \(name), which is no namespace")
                }
                namespaces[number][member] = value
            case .capture(let name, let body):
                let outer = output
                output = ""
                _ = try run(body)
                scopes[scopes.count - 1][name] = try bounded(.string(output))
                output = outer
            case .conditional(let branches):
                for branch in branches {
                    if let condition = branch.condition, try !value(condition).isTrue { continue }
                    let flow = try run(branch.body)
                    if flow != .goesOn { return flow }
                    break
                }
            case .loop(let names, let items, let filter, let body, let empty):
                try runLoop(names, items, filter, body, empty)
            case .leave(let isBreak): return isBreak ? .leavesLoop : .continuesLoop
            }
        }
        return .goesOn
    }

    private mutating func runLoop(
        _ names: [String], _ expression: TemplateExpression, _ filter: TemplateExpression?, _ body: [TemplateNode],
        _ empty: [TemplateNode]
    ) throws(TemplateError) {
        var items = try elements(value(expression))
        try step(items.count)
        scopes.append([:])
        defer { scopes.removeLast() }
        func bind(_ run: inout Self, _ item: TemplateValue) throws(TemplateError) {
            if names.count == 1 {
                run.scopes[run.scopes.count - 1][names[0]] = item
                return
            }
            guard case .list(let values) = item, values.count == names.count else {
                throw TemplateError("takes a value apart that is no list")
            }
            for (name, value) in zip(names, values) { run.scopes[run.scopes.count - 1][name] = value }
        }
        if let filter {
            var kept: [TemplateValue] = []
            for item in items {
                try bind(&self, item)
                if try value(filter).isTrue { kept.append(item) }
            }
            items = kept
        }
        if items.isEmpty { _ = try run(empty) }
        for (index, item) in items.enumerated() {
            scopes[scopes.count - 1] = [
                "loop": .dictionary([
                    "index": .int(index + 1), "index0": .int(index), "first": .bool(index == 0),
                    "last": .bool(index == items.count - 1), "length": .int(items.count),
                    "revindex": .int(items.count - index), "revindex0": .int(items.count - index - 1),
                    "previtem": index > 0 ? items[index - 1] : .undefined,
                    "nextitem": index + 1 < items.count ? items[index + 1] : .undefined,
                ])
            ]
            try bind(&self, item)
            if try run(body) == .leavesLoop { break }
        }
    }

    private func elements(_ value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
        switch value {
        case .undefined: return []
        case .list(let items): return items
        case .dictionary(let members): return members.keys.sorted().map { .string($0) }
        case .string(let text): return text.unicodeScalars.map { .string(String(Character($0))) }
        default: throw TemplateError("loops over a value that is no list")
        }
    }

    private func variable(_ name: String) -> TemplateValue {
        scopes.last { $0[name] != nil }?[name] ?? .undefined
    }

    // MARK: Expressions

    private mutating func value(_ expression: TemplateExpression) throws(TemplateError) -> TemplateValue {
        try step()
        switch expression {
        case .value(let value): return value
        case .name(let name): return variable(name)
        case .list(let items):
            var values: [TemplateValue] = []
            for item in items { values.append(try value(item)) }
            return try weighed(.list(values))
        case .dictionary(let members):
            var values: [String: TemplateValue] = [:]
            for (key, member) in members { values[key] = try value(member) }
            return try weighed(.dictionary(values))
        case .member(let target, let key): return try member(value(target), value(key))
        case .slice(let target, let first, let last, let step): return try slice(target, first, last, step)
        case .choice(let yes, let condition, let no):
            if try value(condition).isTrue { return try value(yes) }
            guard let no else { return .undefined }
            return try value(no)
        case .unary(let sign, let operand):
            let operand = try value(operand)
            if sign == "not" { return .bool(!operand.isTrue) }
            guard case .int(let number) = operand else { throw TemplateError("negates a value that is no number") }
            return .int(-number)
        case .binary(let sign, let left, let right): return try bounded(binary(sign, left, right))
        case .call(let kind, let target, let name, let arguments, let named):
            return try bounded(call(kind, target, name, arguments, named))
        }
    }

    /// Refuses values that grow without end, as in `{% set x = x ~ x %}`.
    private mutating func bounded(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        try step()
        switch value {
        case .string(let text) where text.utf8.count > 1 << 14: throw TemplateError("makes a text without end")
        case .list(let items) where items.count > 10_000: throw TemplateError("makes a list without end")
        default: return value
        }
    }

    /// Counts all that a list or an object holds. `{% set x = [x, x] %}` doubles it and takes no memory, but time wherever
    /// two of them are compared.
    private mutating func weighed(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
        func weight(_ value: TemplateValue, _ limit: Int) -> Int {
            let items: [TemplateValue]
            switch value {
            case .list(let values): items = values
            case .dictionary(let members): items = Array(members.values)
            default: return 1
            }
            var sum = 1
            for item in items where sum < limit { sum += weight(item, limit - sum) }
            return sum
        }
        try step(weight(value, Self.stepLimit))
        return value
    }

    private func member(_ target: TemplateValue, _ key: TemplateValue) throws(TemplateError) -> TemplateValue {
        switch (target, key) {
        case (.dictionary(let members), .string(let name)): return members[name] ?? .undefined
        case (.namespace(let number), .string(let name)): return namespaces[number][name] ?? .undefined
        case (.list(let items), .int(let index)):
            let place = index < 0 ? items.count + index : index
            return items.indices.contains(place) ? items[place] : .undefined
        case (.string(let text), .int(let index)):
            let scalars = Array(text.unicodeScalars)
            let place = index < 0 ? scalars.count + index : index
            return scalars.indices.contains(place) ? .string(String(Character(scalars[place]))) : .undefined
        case (.undefined, _): throw TemplateError("reads a member of something that is not defined")
        default: return .undefined
        }
    }

    private mutating func slice(
        _ target: TemplateExpression, _ first: TemplateExpression?, _ last: TemplateExpression?,
        _ step: TemplateExpression?
    ) throws(TemplateError) -> TemplateValue {
        func number(_ run: inout Self, _ expression: TemplateExpression?) throws(TemplateError) -> Int? {
            guard let expression else { return nil }
            guard case .int(let value) = try run.value(expression) else { throw TemplateError("cuts at no number") }
            return value
        }
        let value = try value(target)
        let (first, last, step) = (try number(&self, first), try number(&self, last), try number(&self, step) ?? 1)
        guard step == 1 || step == -1 && first == nil && last == nil else { throw TemplateError("cuts in steps") }
        func part<Element>(_ items: [Element]) -> [Element] {
            if step == -1 { return items.reversed() }
            func place(_ index: Int) -> Int { min(max(index < 0 ? items.count + index : index, 0), items.count) }
            let (low, high) = (place(first ?? 0), place(last ?? items.count))
            return low < high ? Array(items[low..<high]) : []
        }
        switch value {
        case .list(let items): return .list(part(items))
        case .string(let text): return .string(String(String.UnicodeScalarView(part(Array(text.unicodeScalars)))))
        default: throw TemplateError("cuts a value that is neither a text nor a list")
        }
    }

    private mutating func binary(
        _ sign: String, _ left: TemplateExpression, _ right: TemplateExpression
    ) throws(TemplateError) -> TemplateValue {
        let first = try value(left)
        if sign == "and" { return first.isTrue ? try value(right) : first }
        if sign == "or" { return first.isTrue ? first : try value(right) }
        let second = try value(right)
        // A search takes the product of both lengths.
        if sign == "in", case (.string(let part), .string(let whole)) = (first, second) {
            try step(part.utf8.count * whole.utf8.count >> 16)
        }
        switch (sign, first, second) {
        case ("==", _, _): return .bool(first == second)
        case ("!=", _, _): return .bool(first != second)
        case ("~", _, _): return .string(try first.text() + second.text())
        case ("+", .string(let a), .string(let b)): return .string(a + b)
        case ("+", .list(let a), .list(let b)): return .list(a + b)
        case ("in", .string(let part), .string(let whole)): return .bool(part.isEmpty || whole.contains(part))
        case ("in", _, .list(let items)): return .bool(items.contains(first))
        case ("in", .string(let key), .dictionary(let members)): return .bool(members[key] != nil)
        case (_, .int(let a), .int(let b)): return try arithmetic(sign, a, b)
        default: throw TemplateError("joins values by \(sign) that do not go together")
        }
    }

    private func arithmetic(_ sign: String, _ a: Int, _ b: Int) throws(TemplateError) -> TemplateValue {
        guard abs(a) < 1 << 31, abs(b) < 1 << 31 else { throw TemplateError("computes with huge numbers") }
        switch sign {
        case "+": return .int(a + b)
        case "-": return .int(a - b)
        case "*": return .int(a * b)
        case "//" where b > 0: return .int(a >= 0 ? a / b : -((b - 1 - a) / b))
        case "%" where b > 0: return .int((a % b + b) % b)
        case "<": return .bool(a < b)
        case ">": return .bool(a > b)
        case "<=": return .bool(a <= b)
        case ">=": return .bool(a >= b)
        default: throw TemplateError("computes by \(sign)")
        }
    }

    private mutating func call(
        _ kind: TemplateExpression.Kind, _ target: TemplateExpression?, _ name: String,
        _ arguments: [TemplateExpression], _ named: [(String, TemplateExpression)]
    ) throws(TemplateError) -> TemplateValue {
        var values: [TemplateValue] = []
        for argument in arguments { values.append(try value(argument)) }
        var members: [String: TemplateValue] = [:]
        for (key, argument) in named { members[key] = try value(argument) }
        if kind == .function {
            switch (name, values.first) {
            case ("namespace", nil):
                namespaces.append(members)
                return .namespace(namespaces.count - 1)
            case ("raise_exception", let message?): throw TemplateError(try message.text(), isRaised: true)
            case ("strftime_now", .string?): return variable("date_now")
            case ("range", .int(let count)?) where values.count == 1 && count <= 10_000:
                return .list((0..<max(0, count)).map { .int($0) })
            default: throw TemplateError("calls \(name)")
            }
        }
        guard let target else { throw TemplateError("calls \(name)") }
        if kind == .method, case .namespace = try value(target) { throw TemplateError("calls \(name)") }
        return try TemplateFunctions.call(kind, name, on: value(target), values, members)
    }
}
