namespace Lorikeet.Serving;

/// <summary>Memory that samplers of one vocabulary share, one after another; not thread-safe.</summary>
/// <param name="vocabulary">Number of tokens.</param>
public sealed class SamplingScratch(int vocabulary)
{
    /// <summary>Number of tokens.</summary>
    public int Vocabulary { get; } = vocabulary;

    internal Candidates Candidates { get; } = new(vocabulary);

    /// <summary>How often each token occurs; all zero between uses.</summary>
    internal int[] Counts { get; } = new int[vocabulary];
}
