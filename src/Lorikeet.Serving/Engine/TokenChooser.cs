using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>Turns the logits of a step into tokens and events.</summary>
internal sealed class TokenChooser(LanguageModel model)
{
    private readonly SamplingScratch scratch = new(model.Config.VocabularySize);
    private float[] raw = [];

    /// <summary>Sees the logits from which a request's next token is chosen, before any setting changes them.</summary>
    public LogitsObserver? Observer { get; set; }

    /// <summary>Guesses that were checked.</summary>
    public long Drafted { get; private set; }

    /// <summary>Those that came true.</summary>
    public long Accepted { get; private set; }

    /// <summary>Sequences that had guesses checked, summed over steps.</summary>
    public long Drafts { get; private set; }

    /// <summary>Scores the prompt's tokens that a chunk scores.</summary>
    /// <param name="sequence">A sequence whose chunk lies in its prompt.</param>
    /// <param name="logits">Logits of all rows.</param>
    /// <param name="at">The first row of the sequence.</param>
    public static void ScorePrompt(Sequence sequence, in Tensor logits, int at)
    {
        int start = sequence.State!.Length;
        for (int i = 0; i < sequence.Rows && start + i + 1 < sequence.PromptLength; i++)
        {
            sequence.Scores!.Take(start + i, sequence.Tokens[start + i + 1], logits.Row(at + i));
        }
    }

    /// <summary>Chooses the tokens that follow: one, and one more for each guess that came true.</summary>
    /// <param name="sequence">A sequence that samples.</param>
    /// <param name="logits">Logits of all rows; changed.</param>
    /// <param name="at">The row of its last token; those of its guesses follow.</param>
    /// <param name="events">Receives the events.</param>
    /// <returns>How many guesses came true.</returns>
    public int Choose(Sequence sequence, in Tensor logits, int at, List<GenerationEvent> events)
    {
        int drafts = sequence.Drafts, accepted = 0;
        while (true)
        {
            GenerationEvent next = Choose(sequence, logits.Row(at + accepted));
            events.Add(next);
            if (accepted == drafts || next.Finish != FinishReason.None || next.Token != sequence.Guesses[accepted])
            {
                break;
            }
            accepted++;
        }
        if (drafts > 0)
        {
            Drafts++;
            Drafted += drafts;
            Accepted += accepted;
            sequence.Judge(drafts, accepted);
        }
        return accepted;
    }

    private GenerationEvent Choose(Sequence sequence, Span<float> scores)
    {
        GenerationRequest request = sequence.Request;
        Observer?.Invoke(sequence.Id, sequence.Choice, sequence.Count, scores);
        bool scored = request.LogProbabilities || request.TopLogProbabilities > 0;
        float logSum = float.NaN;
        TokenScore[]? top = null;
        if (scored)
        {
            logSum = TokenScores.LogSum(scores);
            raw = raw.Length == scores.Length ? raw : new float[scores.Length];
            scores.CopyTo(raw);
            top = request.TopLogProbabilities > 0 ? TokenScores.Top(scores, logSum, request.TopLogProbabilities) : null;
        }
        GenerationEvent next;
        try
        {
            int token = sequence.Sampler.Choose(scores, sequence.Tokens, sequence.PromptLength - sequence.Vectors, scratch, sequence.Constraint, sequence.Vectors);
            if (token < 0)
            {
                return sequence.End(FinishReason.Failed);
            }
            sequence.Constraint?.Accept(token);
            next = sequence.Append(token, scored ? raw[token] - logSum : float.NaN);
        }
#pragma warning disable CA1031 // A constraint is its request's own: whatever it throws ends that answer and no other.
        catch (Exception e) when (sequence.Constraint is not null)
#pragma warning restore CA1031
        {
            return sequence.End(FinishReason.Failed, e);
        }
        bool first = sequence.Generated == 1 && sequence.Scores is not null;
        return top is null && !first ? next : next with { Top = top, PromptScores = first ? sequence.Scores!.Result() : null };
    }
}

/// <summary>Sees logits.</summary>
/// <param name="id">The request.</param>
/// <param name="choice">Which of its answers.</param>
/// <param name="position">The place of the token that is chosen from them.</param>
/// <param name="logits">[vocabulary].</param>
internal delegate void LogitsObserver(int id, int choice, int position, ReadOnlySpan<float> logits);
