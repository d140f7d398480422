using System.Runtime.InteropServices;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>What a step brings: a pass's rows become tokens of answers, answers end, and the events of both are said in their order.</summary>
internal sealed class StepEvents(EngineOptions options, OpenRequests requests, Scheduler scheduler, Holdings holdings, TokenChooser chooser, EngineStatistics statistics)
{
    private readonly List<GenerationEvent> events = [];
    private readonly List<(Sequence Sequence, FinishReason Reason, Exception? Error)> ended = [];

    /// <summary>The events so far.</summary>
    public ReadOnlySpan<GenerationEvent> All => CollectionsMarshal.AsSpan(events);

    /// <summary>True: answers have ended whose events are not among <see cref="All"/> yet.</summary>
    public bool HasEnded => ended.Count > 0;

    /// <summary>Begins anew.</summary>
    public void Clear() => events.Clear();

    /// <summary>Takes the rows of a pass.</summary>
    public void Take(StepPass pass, List<Sequence> scheduled)
    {
        int row = 0, at = 0;
        foreach (Sequence sequence in scheduled)
        {
            if (requests.Begin(sequence.Owner))
            {
                statistics.CountTokens(sequence.PromptLength, 0);
            }
            // Asked before: a sequence that ends here has no rows any more, and those after it would read its own.
            int rows = sequence.Rows, logitRows = sequence.LogitRows;
            Take(sequence, pass.Hidden, row, pass.Logits, at);
            row += rows;
            at += logitRows;
        }
    }

    /// <summary>Ends all answers of a request: pages and adapters are free at once, the events come with <see cref="Report"/>.</summary>
    public void EndAll(ActiveRequest request, FinishReason reason, Exception? error)
    {
        foreach (Sequence sequence in request.Choices)
        {
            if (!sequence.HasEnded)
            {
                sequence.HasEnded = true;
                // One that turned out to be impossible was taken out of the queue already.
                if (sequence.Place.List is not null || sequence.Held is not null)
                {
                    scheduler.Remove(sequence);
                }
                ended.Add((sequence, reason, error));
            }
        }
    }

    /// <summary>Says which answers have ended since the last call.</summary>
    public void Report()
    {
        foreach ((Sequence sequence, FinishReason reason, Exception? error) in ended)
        {
            Say(sequence, sequence.End(reason, error));
        }
        ended.Clear();
    }

    private void Take(Sequence sequence, in Tensor hidden, int row, in Tensor logits, int at)
    {
        int start = sequence.State!.Length, count = sequence.Rows - sequence.Drafts;
        bool samples = sequence.Samples;
        holdings.Publish(sequence, Math.Min(start + count, sequence.PromptLength));
        sequence.Pool?.Take(hidden, row, count, start);
        if (sequence.Scores is { IsComplete: false } && start < sequence.PromptLength)
        {
            TokenChooser.ScorePrompt(sequence, logits, at);
        }
        if (!samples)
        {
            holdings.Append(sequence, count);
        }
        else if (sequence.MaxTokens == 0 || sequence.Pool is not null)
        {
            holdings.Append(sequence, count);
            Finish(sequence, sequence.End(FinishReason.Done) with { Embedding = sequence.Pool?.Vector(), PromptScores = sequence.Scores?.Result() });
        }
        else
        {
            Answer(sequence, logits, at + sequence.LogitRows - 1 - sequence.Drafts, count);
        }
    }

    private void Answer(Sequence sequence, in Tensor logits, int at, int count)
    {
        int before = sequence.Generated, first = events.Count;
        int accepted = chooser.Choose(sequence, logits, at, events);
        holdings.Append(sequence, count + accepted);
        statistics.CountTokens(0, sequence.Generated - before);
        int paid = sequence.Generated - Math.Max(before, 1);
        if (paid > 0)
        {
            scheduler.Generated(sequence, paid);
        }
        if (!sequence.Owner.HasAnswered)
        {
            sequence.Owner.FirstToken = options.Clock.GetTimestamp();
        }
        if (events.Count > first && events[^1].Finish != FinishReason.None)
        {
            GenerationEvent last = events[^1];
            events.RemoveAt(events.Count - 1);
            Finish(sequence, last);
        }
    }

    /// <summary>Ends an answer with an event of the present step.</summary>
    private void Finish(Sequence sequence, in GenerationEvent last)
    {
        sequence.HasEnded = true;
        scheduler.Remove(sequence);
        Say(sequence, last);
    }

    private void Say(Sequence sequence, in GenerationEvent last)
    {
        ActiveRequest owner = sequence.Owner;
        statistics.CountEnd(last.Finish);
        events.Add(--owner.Open > 0 ? last : last with { Usage = requests.Close(owner) });
    }
}
