import Primitives

/// A set of configured issuers by number, at most 64.
public typealias IssuerSet = NumberSet<Issuer>
