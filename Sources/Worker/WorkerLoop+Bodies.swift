import AuditRecords
import Primitives
import RequestFlow

extension WorkerLoop {
    /// Whether the exchange's record says something of its bodies.
    func watchesBodies(_ slot: Int) -> Bool {
        clients[slot].exchange.facts.level >= AuditLevel.bodyHash.rawValue
    }

    /// Takes in what is forwarded of the request's body; false when there is no memory for it.
    mutating func watchRequest(_ slot: Int, _ bytes: Span<UInt8>) -> Bool {
        if clients[slot].requestWatch < 0 {
            guard let watch = bodies.begin(clients[slot].requestKind, text) else { return false }
            clients[slot].requestWatch = Int32(watch)
        }
        bodies.add(Int(clients[slot].requestWatch), bytes)
        return true
    }

    /// The same of the response's.
    mutating func watchResponse(_ slot: Int, _ bytes: Span<UInt8>) -> Bool {
        if clients[slot].responseWatch < 0 {
            guard let watch = bodies.begin(clients[slot].responseKind, text) else { return false }
            clients[slot].responseWatch = Int32(watch)
        }
        bodies.add(Int(clients[slot].responseWatch), bytes)
        return true
    }

    /// Adds what is to be said of the bodies to the exchange's record.
    mutating func recordBodies(_ slot: Int) {
        let request = Int(clients[slot].requestWatch)
        let response = Int(clients[slot].responseWatch)
        guard request >= 0 || response >= 0 else { return }
        text.removeAll()
        if request >= 0 {
            bodies.record(request, isRequest: true, settings: settings(of: slot), in: &text)
        }
        if response >= 0 {
            bodies.record(response, isRequest: false, settings: settings(of: slot), in: &text)
        }
        appendToRecord(slot)
        endWatches(slot)
    }

    /// Gives back what watched the exchange's bodies.
    mutating func endWatches(_ slot: Int) {
        if clients[slot].requestWatch >= 0 { bodies.end(Int(clients[slot].requestWatch)) }
        if clients[slot].responseWatch >= 0 { bodies.end(Int(clients[slot].responseWatch)) }
        clients[slot].requestWatch = -1
        clients[slot].responseWatch = -1
    }

    /// Adds the text gathered to the exchange's record.
    mutating func appendToRecord(_ slot: Int) {
        text.finish()
        var writer = clients[slot].exchange.record.writer()
        writer.append(text.span)
        clients[slot].exchange.record.commit(writer)
    }
}
