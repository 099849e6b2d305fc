import HTTP
import Primitives

/// What about a request a route does not answer for: the first of these that differs.
public enum RouteMismatch: Sendable, Equatable {
    /// Another host.
    case host
    /// Another path.
    case path
    /// Host and path match, the method does not.
    case method
}

extension Route {
    /// Why this route does not match a request; nil when it does.
    ///
    /// For people: it compiles the route anew. It asks the same matcher as a request does, so
    /// that an explanation cannot differ from what happens.
    public func mismatch(
        host name: Span<UInt8>, path target: Span<UInt8>, method: HTTP.Method,
        methodText: Span<UInt8>
    ) -> RouteMismatch? {
        func matches(_ route: Route) -> RouteMatch {
            CompiledPolicy(routes: [route], roleNames: []).match(
                host: name, path: target, method: method, methodText: methodText)
        }
        switch matches(self) {
        case .route: return nil
        case .methodRefused: return .method
        case .noRoute: break
        }
        var anyHost = self
        anyHost.host = nil
        return matches(anyHost) == .noRoute ? .path : .host
    }
}
