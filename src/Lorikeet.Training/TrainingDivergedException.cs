namespace Lorikeet.Training;

/// <summary>A gradient became infinite or no number; the message is one line.</summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>Makes the exception without a message.</summary>
    public TrainingDivergedException()
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">One line: which step, what was found, what to do.</param>
    public TrainingDivergedException(string message)
        : base(message)
    {
    }

    /// <summary>Makes the exception.</summary>
    /// <param name="message">One line.</param>
    /// <param name="innerException">What was caught.</param>
    public TrainingDivergedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
