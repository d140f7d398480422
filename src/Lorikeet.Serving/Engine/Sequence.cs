using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>One answer on its way: its tokens, its state, how its next token is chosen.</summary>
internal sealed class Sequence
{
    private readonly TextStream? stream;
    private readonly StopMatcher? stops;
    private int[] tokens;

    public Sequence(int id, GenerationRequest request, IReadOnlyList<int> ends, int maxTokens, StateLayout layout, Tokenizer? tokenizer)
    {
        Id = id;
        Request = request;
        Sampler = new Sampler(request.Sampling, ends);
        Ends = [.. ends];
        MaxTokens = maxTokens;
        Layout = layout;
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

    /// <summary>What its state holds.</summary>
    public StateLayout Layout { get; }

    /// <summary>Groups sequences of one adapter.</summary>
    public int Group { get; init; }

    /// <summary>Prompt and answer so far.</summary>
    public ReadOnlySpan<int> Tokens => tokens.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>Its state; null while it waits.</summary>
    public SequenceState? State { get; private set; }

    /// <summary>Tokens whose rows the model has not seen.</summary>
    public int Pending => Count - (State?.Length ?? 0);

    /// <summary>Rows of the step that is being put together.</summary>
    public int Rows { get; set; }

    /// <summary>True where the step reaches its last token, so that the next is chosen; ask before the state counts the rows.</summary>
    public bool Samples => Rows == Pending;

    /// <summary>True where its state was computed for a shorter sequence than it has become, and does not hold.</summary>
    public bool IsStale => State is not null && State.IsStale(Count);

    /// <summary>Bytes that <see cref="Reserve"/> would take from the pool.</summary>
    /// <param name="rows">The most rows of a step.</param>
    public long Missing(int rows) => State is null ? Layout.Bytes(Count, rows) : State.Missing(Pending, rows);

    /// <summary>Takes pages for all its present tokens; called where the pool has them.</summary>
    /// <param name="pool">The pool.</param>
    /// <param name="rows">The most rows of a step.</param>
    public void Reserve(PagePool pool, int rows)
    {
        State ??= new SequenceState(pool, Layout);
        State.Reserve(Pending, rows);
    }

    /// <summary>Gives all pages back; what they held can be computed again.</summary>
    public void Release()
    {
        State?.Dispose();
        State = null;
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
