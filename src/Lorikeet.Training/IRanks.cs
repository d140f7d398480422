namespace Lorikeet.Training;

/// <summary>Processes that train one thing together: each computes its part of every batch, all make the same step.</summary>
/// <remarks>Every process calls the same methods in the same order. Sums are taken in the order of the ranks, so that a run that is repeated gives the same bits.</remarks>
public interface IRanks
{
    /// <summary>The number of this process, from 0.</summary>
    int Rank { get; }

    /// <summary>The rank that writes what is written: 0, or the first that is left where ranks are gone.</summary>
    int Writer { get; }

    /// <summary>How many there are.</summary>
    int Count { get; }

    /// <summary>Replaces numbers by their sums over all ranks.</summary>
    /// <param name="values">As many on every rank.</param>
    /// <exception cref="RanksLostException">A rank is gone.</exception>
    void Sum(Span<float> values);

    /// <summary>Replaces numbers by their sums over all ranks.</summary>
    /// <param name="values">As many on every rank.</param>
    /// <exception cref="RanksLostException">A rank is gone.</exception>
    void Sum(Span<double> values);
}

/// <summary>A process that trains along is gone; the message is one line.</summary>
public sealed class RanksLostException : Exception
{
    /// <summary>Makes the exception without a message.</summary>
    public RanksLostException()
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">One line: which rank, how it was noticed.</param>
    public RanksLostException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">One line.</param>
    /// <param name="innerException">What was caught.</param>
    public RanksLostException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
