using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Lorikeet.Models;
using Lorikeet.Models.Text;

namespace Lorikeet.Serving;

/// <summary>One answer on its way: its tokens, its state, how its next token is chosen.</summary>
internal sealed class Sequence
{
    /// <summary>The most numbers of a <see cref="BlockKey"/>.</summary>
    public const int BlockKeyLength = 1 + (SHA256.HashSizeInBytes / sizeof(int)) + SequenceState.PageTokens;

    private readonly TextStream? stream;
    private readonly StopMatcher? stops;
    private readonly int[] tokens;

    public Sequence(ActiveRequest owner, int choice, IReadOnlyList<int> ends, int maxTokens, int draftTokens, Tokenizer? tokenizer)
    {
        Owner = owner;
        Choice = choice;
        Place = new LinkedListNode<Sequence>(this);
        Sampler = new Sampler(Request.Sampling, ends, choice);
        Constraint = Request.Constraint?.Invoke(choice);
        Ends = [.. ends];
        MaxTokens = maxTokens;
        PromptLength = Request.PromptLength;
        Count = PromptLength;
        // All the room it will ever need: a decode step allocates nothing. Where vectors are the prompt, their places hold an id that nobody looks at.
        tokens = new int[PromptLength + maxTokens];
        for (int i = 0; i < Request.Prompt.Count; i++)
        {
            tokens[i] = Request.Prompt[i];
        }
        Guesses = new int[draftTokens];
        Drafting = draftTokens;
        stream = tokenizer?.Stream(Request.SkipSpecialTokens);
        stops = tokenizer is null ? null : new StopMatcher(Request.Stop, Request.IncludeStop);
        Scores = choice == 0 && Request.PromptLogProbabilities is { } top ? new PromptScorer(PromptLength, top) : null;
        Pool = Request.Ask == Ask.Generate ? null : new HiddenPool(Request.Ask);
    }

    public ActiveRequest Owner { get; }

    public int Id => Owner.Id;

    public int Choice { get; }

    public GenerationRequest Request => Owner.Request;

    /// <summary>Its place in a queue.</summary>
    public LinkedListNode<Sequence> Place { get; }

    /// <summary>The fair queue has counted its prompt.</summary>
    public bool IsCharged { get; set; }

    /// <summary>True: its last event is on its way.</summary>
    public bool HasEnded { get; set; }

    public Sampler Sampler { get; }

    public ITokenConstraint? Constraint { get; }

    public int[] Ends { get; }

    public int MaxTokens { get; }

    public int PromptLength { get; }

    /// <summary>The prompt's scores as they come; null: not asked for.</summary>
    public PromptScorer? Scores { get; }

    /// <summary>The prompt's vector as it comes; null: not asked for.</summary>
    public HiddenPool? Pool { get; }

    /// <summary>How many places at the beginning have a vector and no token.</summary>
    public int Vectors => Request.Rows is null ? 0 : PromptLength;

    /// <summary>The tokens of prompt and answer so far, from place <see cref="Vectors"/> on.</summary>
    public ReadOnlySpan<int> Tokens => tokens.AsSpan(Vectors, Count - Vectors);

    public int Count { get; private set; }

    /// <summary>Tokens of the answer so far.</summary>
    public int Generated => Count - PromptLength;

    /// <summary>What it holds while it runs.</summary>
    public Holding? Held { get; set; }

    /// <summary>Its state; null while it waits.</summary>
    public SequenceState? State => Held?.State;

    /// <summary>The adapter it runs with; null: none, or it does not run.</summary>
    public Adapter? Adapter => Held?.Adapter;

    /// <summary>Groups sequences of one adapter.</summary>
    public int Group => Held?.Group ?? 0;

    /// <summary>Tokens that the state does not hold yet.</summary>
    public int Pending => Count - (State?.Length ?? 0);

    /// <summary>The pending tokens that one reservation covers: all, but for models whose keys depend on the length at which they were made.</summary>
    public int Ahead
    {
        get
        {
            int length = State?.Length ?? 0, plain = Held?.Layout.SameUpTo ?? int.MaxValue;
            if (Count <= plain)
            {
                return Count - length;
            }
            // As they came: the prompt for its own length, then token by token.
            int together = Math.Max(PromptLength, plain);
            return length < together ? together - length : 1;
        }
    }

    /// <summary>Rows of the step that is being put together, guesses included.</summary>
    public int Rows { get; set; }

    /// <summary>The last so many of the rows are guesses.</summary>
    public int Drafts { get; set; }

    /// <summary>The last so many of the rows need logits.</summary>
    public int LogitRows { get; private set; }

    /// <summary>Room for guesses.</summary>
    public int[] Guesses { get; }

    /// <summary>How many guesses it may have at present.</summary>
    public int Drafting { get; private set; }

    /// <summary>True where the step reaches its last token; ask before the state counts the rows.</summary>
    public bool Samples => Rows - Drafts == Pending;

    /// <summary>True where its state was computed for a shorter sequence than it has become, and does not hold.</summary>
    public bool IsStale => State is not null && State.IsStale(Count);

    /// <summary>True: the first answer to the same prompt computes what this one will read.</summary>
    public bool WaitsForFirst
    {
        get
        {
            Sequence first = Owner.Choices[0];
            return first != this && !first.HasEnded && first.Generated == 0;
        }
    }

    /// <summary>The most rows that a chunk of it may have.</summary>
    public int MostRows => Scores is { IsComplete: false } ? PromptScorer.MostRows : int.MaxValue;

    /// <summary>True where blocks that others computed may stand for its first tokens.</summary>
    public bool MayAdopt => Pool is null && Scores is null or { IsComplete: true };

    /// <summary>Settles how many of its rows need logits.</summary>
    public void SettleLogits() => LogitRows =
        Pool is not null ? 0
        : Scores is { IsComplete: false } && State!.Length < PromptLength ? Rows
        : Samples && MaxTokens > 0 ? 1 + Drafts
        : 0;

    /// <summary>The ids of the step's rows.</summary>
    public void CopyIds(Span<int> to)
    {
        int known = Rows - Drafts;
        tokens.AsSpan(State!.Length, known).CopyTo(to);
        Guesses.AsSpan(0, Drafts).CopyTo(to[known..]);
    }

    /// <summary>How many of the step's rows the prompt gives: they come first.</summary>
    public int GivenRows => Request.Rows is null ? 0 : Math.Clamp(PromptLength - State!.Length, 0, Rows);

    /// <summary>What a block of its past is compared by, token by token; where it begins with vectors, minus their number and their hash stand for them.</summary>
    /// <param name="index">The block.</param>
    /// <param name="room">Memory to write it in, <see cref="BlockKeyLength"/> at least.</param>
    public ReadOnlySpan<int> BlockKey(int index, Span<int> room)
    {
        int first = index * SequenceState.PageTokens, end = first + SequenceState.PageTokens, vectors = Math.Clamp(Vectors - first, 0, SequenceState.PageTokens);
        if (vectors == 0)
        {
            return tokens.AsSpan(first, SequenceState.PageTokens);
        }
        room[0] = -vectors;
        ReadOnlySpan<int> digest = MemoryMarshal.Cast<byte, int>(Request.Rows!.Digest(index));
        digest.CopyTo(room[1..]);
        ReadOnlySpan<int> rest = tokens.AsSpan(first + vectors, end - first - vectors);
        rest.CopyTo(room[(1 + digest.Length)..]);
        return room[..(1 + digest.Length + rest.Length)];
    }

    /// <summary>Guesses that came true let it guess more, those that did not, less; what repeats itself once may do so again.</summary>
    public void Judge(int drafted, int accepted)
    {
        if (drafted > 0)
        {
            Drafting = accepted == drafted ? Guesses.Length : Math.Max(1, accepted);
        }
    }

    /// <summary>Takes the next token and says what it means for the answer.</summary>
    public GenerationEvent Append(int token, float logProbability)
    {
        tokens[Count++] = token;
        Owner.GeneratedTokens++;
        bool end = Array.IndexOf(Ends, token) >= 0;
        FinishReason finish = end ? FinishReason.Stop : Generated >= MaxTokens ? FinishReason.Length : FinishReason.None;
        if (stream is null || stops is null)
        {
            return new GenerationEvent(Id, token, "", finish, logProbability) { Choice = Choice };
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
        return new GenerationEvent(Id, token, text, finish, logProbability, stops.Match) { Choice = Choice };
    }

    /// <summary>Ends the answer from outside.</summary>
    public GenerationEvent End(FinishReason reason, Exception? error = null)
    {
        string text = stream is null || stops is null ? "" : Join(stops.Push(stream.Close()), stops.Close());
        return new GenerationEvent(Id, -1, text, reason) { Choice = Choice, Error = error };
    }

    private static string Join(string text, string more) => more.Length == 0 ? text : text.Length == 0 ? more : text + more;
}
