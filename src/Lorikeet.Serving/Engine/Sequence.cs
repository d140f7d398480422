using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>One answer on its way: its tokens, its state, how its next token is chosen.</summary>
internal sealed class Sequence
{
    private readonly TextStream? stream;
    private readonly StopMatcher? stops;
    private int[] tokens;

    public Sequence(int id, GenerationRequest request, IReadOnlyList<int> ends, int maxTokens, long pageBytes, Tokenizer? tokenizer)
    {
        Id = id;
        Request = request;
        Sampler = new Sampler(request.Sampling, ends);
        Ends = [.. ends];
        MaxTokens = maxTokens;
        PageBytes = pageBytes;
        PromptLength = request.Prompt.Count;
        Count = PromptLength;
        // All the room it will ever need: a decode step allocates nothing.
        tokens = new int[PromptLength + maxTokens];
        for (int i = 0; i < PromptLength; i++)
        {
            tokens[i] = request.Prompt[i];
        }
        stream = tokenizer?.Stream();
        stops = tokenizer is null ? null : new StopMatcher(request.Stop, request.IncludeStop);
    }

    public int Id { get; }

    public GenerationRequest Request { get; }

    public Adapter? Adapter => Request.Adapter;

    public Sampler Sampler { get; }

    public int[] Ends { get; }

    public int MaxTokens { get; }

    public int PromptLength { get; }

    /// <summary>Bytes of one page in every slot of its state.</summary>
    public long PageBytes { get; }

    /// <summary>Groups sequences of one adapter.</summary>
    public int Group { get; init; }

    /// <summary>Prompt and answer so far.</summary>
    public ReadOnlySpan<int> Tokens => tokens.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>Its state; null while it waits.</summary>
    public SequenceState? State { get; private set; }

    /// <summary>Positions that its pages have room for, rounded down to what was asked for.</summary>
    public int Reserved { get; private set; }

    /// <summary>Tokens whose rows the model has not seen.</summary>
    public int Pending => Count - (State?.Length ?? 0);

    /// <summary>Rows of the step that is being put together.</summary>
    public int Rows { get; set; }

    /// <summary>True where the step reaches its last token, so that the next is chosen; ask before the state counts the rows.</summary>
    public bool Samples => Rows == Pending;

    /// <summary>Takes pages for all its present tokens; called where the pool has them.</summary>
    public void Reserve(PagePool pool, LanguageModel model)
    {
        State ??= new SequenceState(pool, model, Adapter);
        State.Reserve(Count - State.Length);
        Reserved = Count;
    }

    /// <summary>Gives all pages back; what they held can be computed again.</summary>
    public void Release()
    {
        State?.Dispose();
        State = null;
        Reserved = 0;
        Rows = 0;
    }

    /// <summary>Takes the next token and says what it means for the answer.</summary>
    public GenerationEvent Append(int token, float logProbability)
    {
        tokens[Count++] = token;
        bool end = Array.IndexOf(Ends, token) >= 0;
        FinishReason finish = end ? FinishReason.Stop : Count - PromptLength >= MaxTokens ? FinishReason.Length : FinishReason.None;
        if (stream is null || stops is null)
        {
            return new GenerationEvent(Id, token, "", finish, logProbability);
        }
        string text = end ? "" : stops.Push(stream.Push(token));
        if (finish != FinishReason.None && stops.Match is null)
        {
            text = Join(text, stops.Push(stream.Close()));
        }
        if (stops.Match is not null)
        {
            finish = FinishReason.Stop;
        }
        if (finish != FinishReason.None)
        {
            text = Join(text, stops.Close());
        }
        return new GenerationEvent(Id, token, text, finish, logProbability, stops.Match);
    }

    /// <summary>Ends the answer from outside.</summary>
    public GenerationEvent End(FinishReason reason)
    {
        string text = stream is null || stops is null ? "" : Join(stops.Push(stream.Close()), stops.Close());
        return new GenerationEvent(Id, -1, text, reason);
    }

    private static string Join(string text, string more) => more.Length == 0 ? text : text.Length == 0 ? more : text + more;
}
