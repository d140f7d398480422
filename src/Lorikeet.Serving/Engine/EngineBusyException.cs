namespace Lorikeet.Serving;

/// <summary>The queue is full: the request was refused before anything was done for it.</summary>
public sealed class EngineBusyException : InvalidOperationException
{
    /// <summary>Names the limit.</summary>
    /// <param name="message">What is full, and its limit.</param>
    public EngineBusyException(string message)
        : base(message)
    {
    }
}
