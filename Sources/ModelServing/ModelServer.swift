import Foundation
import LanguageModels
import NIOHTTP1
public import Serving
import Synchronization
import Tokenization

/// Models behind the interface that OpenAI's clients speak: chat completions, completions and the list of models.
///
/// All requests to one model advance together in its ``Generator``. Two fields go beyond OpenAI's: `min_p`, and
/// `return_token_ids`, which gives ids as vLLM does.
public final class ModelServer: HTTPService {
    private let models: [ServedModel]
    private let places: Places
    private let isDraining = Mutex(false)

    /// A server of these models.
    ///
    /// - Parameters:
    ///   - models: the first answers where a client names none.
    ///   - choiceLimit: the most choices at the same time; more are refused with 429.
    /// - Throws: ``ServingError`` with `nothingToServe` where there is no model.
    public init(_ models: [ServedModel], choiceLimit: Int = 256) throws(ServingError) {
        if models.isEmpty { throw ServingError(.nothingToServe, "There is no model to serve.") }
        self.models = models
        places = Places(choiceLimit)
    }

    public func drain() async {
        isDraining.withLock { $0 = true }
        while places.taken > 0, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(50)) }
    }

    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        let path = request.path
        switch (request.method, path) {
        case (.GET, "/health"):
            return isDraining.withLock { $0 }
                ? .json(["status": "draining"], status: .serviceUnavailable) : .json(["status": "ok"])
        case (.GET, "/v1/models"):
            return .json(ModelList(data: models.map(ModelCard.init)))
        case (.GET, _) where path.hasPrefix("/v1/models/"):
            let name = path.dropFirst("/v1/models/".count).removingPercentEncoding ?? ""
            guard let model = models.first(where: { $0.name == name }) else { return .fault(.unknownModel(name)) }
            return .json(ModelCard(model))
        case (.POST, "/v1/chat/completions"), (.POST, "/v1/completions"):
            do {
                return try generate(try decode(request.body), isChat: path == "/v1/chat/completions")
            } catch let fault as OpenAIFault {
                return .fault(fault)
            } catch {
                return .fault(.internalFault)
            }
        case (_, "/health"), (_, "/v1/models"), (_, "/v1/chat/completions"), (_, "/v1/completions"):
            return .fault(OpenAIFault(.methodNotAllowed, "This path does not take \(request.method.rawValue)."))
        default:
            return .fault(OpenAIFault(.notFound, "There is nothing at this path."))
        }
    }

    private func decode(_ body: Data) throws -> GenerationRequest {
        do {
            return try decodeRequest(GenerationRequest.self, body)
        } catch {
            let item = error.errors?.first
            let place = item?.loc.isEmpty == true ? "The body" : item?.loc.joined(separator: ".")
            throw OpenAIFault(
                .badRequest, item.map { "\(place ?? ""): \($0.msg)." } ?? "The body is not JSON.",
                param: item?.loc.first)
        }
    }

    // MARK: - Generation

    private func generate(_ request: GenerationRequest, isChat: Bool) throws -> HTTPResponse {
        if isDraining.withLock({ $0 }) {
            throw OpenAIFault(.serviceUnavailable, "The server is shutting down.")
        }
        if case .chat = request.prompt, !isChat {
            throw OpenAIFault(.badRequest, "prompt: Field required.", param: "prompt")
        }
        if isChat, case .chat = request.prompt {
        } else if isChat {
            throw OpenAIFault(.badRequest, "messages: Field required.", param: "messages")
        }
        let name = request.model ?? models[0].name
        // Clients that know one model only write `default`.
        guard let model = models.first(where: { $0.name == name }) ?? (name == "default" ? models[0] : nil) else {
            throw OpenAIFault.unknownModel(name)
        }
        let prompts = try prompts(of: request, model)
        let contextLength = model.generator.model.configuration.contextLength
        if let longest = prompts.map(\.count).max(), longest >= contextLength {
            throw OpenAIFault(
                .badRequest,
                "This model's maximum context length is \(contextLength) tokens; the prompt has \(longest).",
                param: isChat ? "messages" : "prompt", code: "context_length_exceeded")
        }
        let (rows, tokenizer) = (model.generator.model.configuration.vocabularySize, model.chat.tokenizer)
        if let foreign = prompts.joined().first(where: { !(0..<rows).contains($0) }) {
            throw OpenAIFault(
                .badRequest,
                "The prompt holds \"\(tokenizer.decode([foreign]))\" (token \(foreign)), for which this model has no "
                    + "embedding.",
                param: isChat ? "messages" : "prompt")
        }
        var choices: [Choice] = []
        for prompt in prompts {
            for copy in 0..<request.count {
                var sampling = request.sampling
                sampling.seed &+= UInt64(copy)
                choices.append(Choice(index: choices.count, prompt: prompt, sampling: sampling))
            }
        }
        guard choices.count <= places.limit else {
            throw OpenAIFault(
                .badRequest,
                "The request asks for \(choices.count) choices, and this server writes at most \(places.limit) at once.",
                param: "n")
        }
        guard let places = places.take(choices.count) else {
            throw OpenAIFault(.tooManyRequests, "The server is busy; try again later.", code: "rate_limit_exceeded")
        }
        return Generation(request: request, model: model, choices: choices, isChat: isChat).response(holding: places)
    }

    private func prompts(of request: GenerationRequest, _ model: ServedModel) throws -> [[Int]] {
        switch request.prompt {
        case .chat(var turns):
            if model.addsSystemMessage, turns.first?.role != .system, let message = model.chat.defaultSystemMessage {
                turns.insert(ChatTurn(.system, message), at: 0)
            }
            // As the model's template does it; adapters were trained without dates.
            let isDated = model.addsSystemMessage && model.chat.datesSystemMessage
            let date = isDated ? model.chat.fixedDate ?? Self.today : nil
            return [model.chat.conversation(turns, date: date) + model.chat.generationPrompt]
        case .texts(let texts):
            let vocabulary = model.chat.tokenizer.vocabulary
            let beginning = vocabulary.addsBOS ? [vocabulary.bosID].compactMap { $0 } : []
            let prompts = texts.map { beginning + model.chat.tokenizer.encode($0) }
            guard prompts.allSatisfy({ !$0.isEmpty }) else {
                throw OpenAIFault(.badRequest, "prompt: There is nothing to continue.", param: "prompt")
            }
            return prompts
        case .tokens(let prompts):
            let vocabulary = model.generator.model.configuration.vocabularySize
            guard !prompts.isEmpty,
                prompts.allSatisfy({ !$0.isEmpty && $0.allSatisfy((0..<vocabulary).contains) })
            else { throw OpenAIFault(.badRequest, "prompt: These are no ids of this model.", param: "prompt") }
            return prompts
        }
    }

    /// The day as Llama 3's template writes it: `26 Jul 2024`.
    private static var today: String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.dateFormat = "dd MMM yyyy"
        return formatter.string(from: Date())
    }

    private struct ModelCard: Encodable {
        var id: String
        var object = "model"
        var created: Int
        var ownedBy = "chain-of-edits"

        init(_ model: ServedModel) {
            id = model.name
            created = model.created
        }
    }

    private struct ModelList: Encodable {
        var object = "list"
        var data: [ModelCard]
    }
}

/// Choices that are being written or wait for their place in the batch.
final class Places: Sendable {
    /// Gives the places back when it is released.
    final class Holding: Sendable {
        private let places: Places
        private let count: Int

        fileprivate init(_ places: Places, _ count: Int) {
            self.places = places
            self.count = count
        }

        deinit { places.state.withLock { $0 -= count } }
    }

    private let state = Mutex(0)
    let limit: Int

    init(_ limit: Int) { self.limit = limit }

    var taken: Int { state.withLock { $0 } }

    /// Nil when there are too few.
    func take(_ count: Int) -> Holding? {
        let isAdmitted = state.withLock { taken in
            if taken + count > limit { return false }
            taken += count
            return true
        }
        return isAdmitted ? Holding(self, count) : nil
    }
}

/// One answer that is to be written.
struct Choice: Sendable {
    var index: Int
    var prompt: [Int]
    var sampling: SamplingOptions
}

/// A fault as OpenAI's clients read it.
struct OpenAIFault: Error {
    var status: HTTPResponseStatus
    var message: String
    var param: String?
    var code: String?

    init(_ status: HTTPResponseStatus, _ message: String, param: String? = nil, code: String? = nil) {
        self.status = status
        self.message = message
        self.param = param
        self.code = code
    }

    static func unknownModel(_ name: String) -> OpenAIFault {
        OpenAIFault(
            .notFound, "The model \"\(name.prefix(80))\" does not exist here; GET /v1/models lists those that do.",
            param: "model", code: "model_not_found")
    }

    /// What a model's failure is to a client.
    init(_ error: LanguageModelError) {
        switch error.code {
        case .contextFull: self.init(.badRequest, error.description, code: "context_length_exceeded")
        case .tokenOutsideModel: self.init(.badRequest, error.description)
        case .notANumber: self.init(.internalServerError, error.description)
        default: self = .internalFault
        }
    }

    static let internalFault = OpenAIFault(.internalServerError, "The server failed.")

    struct Body: Encodable {
        struct Inner: Encodable {
            var message: String
            var type: String
            var param: String?
            var code: String?
        }
        var error: Inner
    }

    var body: Body {
        Body(
            error: .init(
                message: message, type: status.code < 500 ? "invalid_request_error" : "server_error", param: param,
                code: code))
    }
}

extension HTTPResponse {
    static func fault(_ fault: OpenAIFault) -> HTTPResponse {
        var response = HTTPResponse.json(fault.body, status: fault.status)
        if fault.status == .tooManyRequests { response.headers.add(name: "retry-after", value: "1") }
        return response
    }
}
