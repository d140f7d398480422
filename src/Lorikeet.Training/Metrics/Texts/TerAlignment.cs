namespace Lorikeet.Training;

/// <summary>Which word of a candidate stands for each word of a reference, and which words are wrong, by a trace of edits.</summary>
internal sealed class TerAlignment
{
    private readonly List<int> aligned = [];
    private readonly List<bool> candidateErrs = [];
    private readonly List<bool> referenceErrs = [];

    public TerAlignment(string trace)
    {
        int candidate = -1;
        foreach (char operation in trace)
        {
            bool wrong = operation != ' ';
            if (operation != 'i')
            {
                candidate++;
                candidateErrs.Add(wrong);
            }
            if (operation != 'd')
            {
                aligned.Add(candidate);
                referenceErrs.Add(wrong);
            }
        }
    }

    public int ReferenceLength => aligned.Count;

    /// <summary>The candidate's word at or before a reference's word; -1: before all.</summary>
    public int Of(int reference) => aligned[reference];

    public bool CandidateErrs(int start, int length) => candidateErrs.Skip(start).Take(length).Any(wrong => wrong);

    public bool ReferenceErrs(int start, int length) => referenceErrs.Skip(start).Take(length).Any(wrong => wrong);
}
