using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Serving;

/// <summary>One pass of a step through the model: rows of all sequences in, hidden states and the logits of those that need them out.</summary>
internal sealed class StepPass(LanguageModel model) : IDisposable
{
    private readonly StepRows rows = new(model);
    private readonly ModelRun run = new();

    /// <summary>Hidden states [rows, hidden], valid until the next pass.</summary>
    public Tensor Hidden { get; private set; }

    /// <summary>Logits [logit rows, vocabulary], valid until the next pass.</summary>
    public Tensor Logits { get; private set; }

    /// <summary>Rows of the pass.</summary>
    public int Rows => rows.Rows.Count;

    /// <summary>Distinct adapters of the pass.</summary>
    public int Adapters => rows.Plan is null ? 0 : rows.Adapters;

    /// <summary>Runs the model.</summary>
    /// <param name="scheduled">The sequences with rows, grouped by adapter.</param>
    public void Run(List<Sequence> scheduled)
    {
        rows.Set(scheduled);
        run.Arena.Reset();
        run.Rows = rows.Rows;
        run.Plan = rows.Plan;
        Hidden = model.Forward(run, Input.Of(rows.Ids, rows.Given));
        Logits = default;
        if (rows.LogitRows > 0)
        {
            Tensor needed = rows.LogitRows == rows.Rows.Count ? Hidden : RowsOfLogits(Hidden, scheduled);
            run.Plan = rows.HeadPlan;
            Logits = model.Logits(run, needed);
        }
    }

    public void Dispose() => run.Dispose();

    // The head is the widest product: it runs for the rows that need it.
    private Tensor RowsOfLogits(in Tensor hidden, List<Sequence> scheduled)
    {
        Tensor needed = run.Allocate(rows.LogitRows, hidden.Width);
        int row = 0, at = 0;
        foreach (Sequence sequence in scheduled)
        {
            row += sequence.Rows;
            for (int i = sequence.LogitRows; i > 0; i--)
            {
                hidden.Row(row - i).CopyTo(needed.Row(at++));
            }
        }
        return needed;
    }
}
