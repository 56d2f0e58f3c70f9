/// Whose tokens are read in a step, and in how much memory.
extension Generator {
    /// The most unread tokens of an answer that is being written, or of a short prompt.
    private static let shortLength = 32

    /// The places in ``requests`` of those with few unread tokens, and of the others; each by age.
    func turns() -> (short: [Int], long: [Int]) {
        var (short, long): ([Int], [Int]) = ([], [])
        for index in requests.indices.prefix(Self.batchLimit) {
            let conversation = requests[index].conversation
            if conversation.tokens.count - conversation.cache.count <= Self.shortLength {
                short.append(index)
            } else {
                long.append(index)
            }
        }
        return (short, long)
    }

    /// The pages of all caches, shared ones counted once.
    var heldPages: Int {
        guard pageLimit != nil else { return 0 }
        let caches = conversations.values.map(\.cache) + retired.map(\.cache)
        return Set(caches.flatMap(\.pages).map(ObjectIdentifier.init)).count
    }

    /// Whether a request may read so many tokens more within ``pageLimit``. Ended conversations, and then the youngest
    /// requests, lose their caches for it; the latter are read again when there is room.
    ///
    /// - Parameters:
    ///   - pages: The pages that are held, and that this step will take.
    ///   - used: The places of the requests that are in this step already.
    func makeRoom(for index: Int, _ new: Int, _ pages: inout Int, beside used: [Int]) -> Bool {
        guard let pageLimit else { return true }
        let cache = requests[index].conversation.cache
        // One for the copy of a shared page, one for a draft.
        let needed = KVCache.pageCount(cache.count + new) - cache.pages.count + 2
        while pages + needed > pageLimit {
            let before = heldPages
            if !dropRetired() {
                let victim = requests.indices.last { place in
                    place > index && !used.contains(place) && requests[place].conversation.cache.count > 0
                }
                guard let victim else { return false }
                requests[victim].conversation.cache = model.makeCache()
            }
            pages -= before - heldPages
        }
        pages += needed
        return true
    }
}
