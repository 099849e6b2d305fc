import Crypto
import LinuxIO
import Primitives

/// The demonstration's authority, its server's certificate, and one for a service that has no
/// token.
struct DemoCertificates {
    /// A certificate's two files.
    struct Files {
        let name: String
        var certificate: String { "\(name)-cert.pem" }
        var key: String { "\(name)-key.pem" }
    }

    static let authority = Files(name: "ca")
    static let server = Files(name: "server")
    static let service = Files(name: "service")
    /// What the service is called in its certificate, in the form of a SPIFFE id.
    static let serviceName = "spiffe://demo.example/stock-service"

    private static let day: Int64 = 86_400
    private static let authorityDays: Int64 = 3650
    private static let certificateDays: Int64 = 90

    let directory: String

    /// Makes the authority at the first start, and the other two at every one.
    func write(_ folder: borrowing DurableDirectory) throws {
        // A little earlier, for clocks that are behind.
        let start = SystemClock.wall().seconds - DemoCertificates.day
        let authority = try authority(folder, start: start)
        let end = start + DemoCertificates.certificateDays * DemoCertificates.day
        try replace(
            DemoCertificates.server, folder,
            try authority.issue(
                CertificateRequest(
                    commonName: "localhost",
                    alternativeNames: ["DNS:localhost", "IP:127.0.0.1", "IP:::1"],
                    usage: "serverAuth", notBefore: start, notAfter: end)))
        try replace(
            DemoCertificates.service, folder,
            try authority.issue(
                CertificateRequest(
                    commonName: "stock-service",
                    alternativeNames: ["URI:\(DemoCertificates.serviceName)"],
                    usage: "clientAuth", notBefore: start, notAfter: end)))
    }

    private func authority(
        _ folder: borrowing DurableDirectory, start: Int64
    ) throws -> CertificateAuthority {
        let files = DemoCertificates.authority
        if let certificate = try folder.read(files.certificate),
            let key = try folder.read(files.key)
        {
            return try CertificateAuthority(certificate: certificate, key: key)
        }
        let authority = try CertificateAuthority(
            name: "Sallyport demonstration", notBefore: start,
            notAfter: start + DemoCertificates.authorityDays * DemoCertificates.day)
        try replace(files, folder, try authority.own())
        return authority
    }

    private func replace(
        _ files: Files, _ folder: borrowing DurableDirectory, _ issued: IssuedCertificate
    ) throws {
        try folder.remove(files.key)
        try FileReading.create("\(directory)/\(files.key)", bytes: issued.key, mode: 0o600)
        try folder.replace(files.certificate, issued.certificate.span)
    }
}
