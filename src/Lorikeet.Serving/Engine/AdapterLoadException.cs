namespace Lorikeet.Serving;

/// <summary>An adapter could not be read, or cannot serve; the requests that asked for it end with this error, no others.</summary>
public sealed class AdapterLoadException : InvalidOperationException
{
    /// <summary>Names the adapter.</summary>
    /// <param name="version">The adapter.</param>
    /// <param name="reason">What is wrong with it.</param>
    public AdapterLoadException(AdapterVersion version, Exception reason)
        : base($"adapter {version}: {reason?.Message}", reason) => Version = version;

    /// <summary>The adapter.</summary>
    public AdapterVersion Version { get; }
}
