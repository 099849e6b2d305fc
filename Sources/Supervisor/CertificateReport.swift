import AuditRecords
import AuditWriter
import Logging
import Primitives
import TLS

/// Tells what becomes of certificates: the operator through the log of the process, and whoever
/// reads the audit log through its records.
struct CertificateReport: Sendable {
    private let logger: Logger
    private let control: WriterControl
    /// When certificates run out.
    let dates = CertificateDates()

    /// Most names of a certificate that the operator is told.
    static let limitNames = 8

    init(logger: Logger, control: WriterControl) {
        self.logger = logger
        self.control = control
    }

    /// Tells all of `notices`.
    func tell(_ notices: [CertificateKeeper.Notice]) {
        for notice in notices {
            switch notice {
            case .loaded(let place, let certificates):
                dates.publish(certificates.map(\.notAfter).min(), of: place.text)
                for certificate in certificates {
                    logger.notice("\(place.text): certificate for \(certificate.text)")
                }
                if certificates.isEmpty { logger.notice("\(place.text): certificates are loaded") }
            case .refused(let place, let problem):
                logger.error("\(place.text): \(problem); what was in use stays in use")
            case .warning(let place, let text):
                logger.warning("\(place.text): \(text)")
            case .unverified: break  // The settings' own warning says it.
            }
            if let event = notice.event { control.record(event) }
        }
    }
}

extension CertificateKeeper.Notice {
    /// What the audit log says about it; nil for nothing.
    var event: LifecycleEvent? {
        switch self {
        case .loaded(let place, let certificates):
            .certificatesLoaded(
                place,
                certificates.map {
                    RecordedCertificate(
                        sha256: $0.sha256, names: $0.names, notAfterSeconds: $0.notAfter)
                })
        case .refused(let place, let problem):
            .certificatesRefused(place, file: problem.path, why: "\(problem)")
        case .warning: nil
        case .unverified(.upstream(let name)): .upstreamVerificationDisabled(upstream: name)
        case .unverified(.listener): nil
        }
    }
}

extension CertificatePlace {
    /// `listener NAME` or `upstream NAME`.
    var text: String {
        switch self {
        case .listener(let name): "listener \(name)"
        case .upstream(let name): "upstream \(name)"
        }
    }
}

extension CertificateSummary {
    /// Names, kind, last day and the start of the digest, for people.
    var text: String {
        let listed = names.prefix(CertificateReport.limitNames).map(CertificateSummary.printable)
        let more = names.count - listed.count
        let who =
            listed.isEmpty
            ? "no name" : listed.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
        let day = CivilDate(WallTime(microseconds: notAfter.multipliedClamped(by: 1_000_000)))
        let kind =
            switch kind {
            case .rsa: "RSA"
            case .ecdsa: "ECDSA"
            case .ed25519: "Ed25519"
            }
        return "\(who) (\(kind), until \(day.text), sha256 \(sha256.hexText.prefix(16)))"
    }

    /// A certificate can hold any byte; a log line can't.
    private static func printable(_ name: String) -> String {
        let scalars = name.unicodeScalars.prefix(255).map { scalar in
            (0x20...0x7E).contains(scalar.value) ? scalar : "?"
        }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }
}

extension CivilDate {
    /// `YYYY-MM-DD`.
    fileprivate var text: String {
        func digits(_ number: Int64, _ count: Int) -> String {
            let text = "\(number)"
            return String(repeating: "0", count: max(0, count - text.count)) + text
        }
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
    }
}

extension Int64 {
    fileprivate func multipliedClamped(by factor: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        guard overflow else { return product }
        return (self < 0) == (factor < 0) ? .max : .min
    }
}
