import CLinux

/// Whether the kernel can encrypt and decrypt TLS records itself (the module `tls`).
public enum KernelTLSProbe {
    /// Tried once, on a connection of this process to itself.
    public static let isAvailable = sallyport_has_kernel_tls() == 1
}
