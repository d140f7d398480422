namespace Lorikeet.Serving;

/// <summary>What a request needs does not fit the engine's cache, whatever else is thrown out of it.</summary>
public sealed class CacheTooSmallException : InvalidOperationException
{
    /// <summary>Names what is needed and what there is.</summary>
    /// <param name="message">Both, and what to do.</param>
    public CacheTooSmallException(string message)
        : base(message)
    {
    }
}
