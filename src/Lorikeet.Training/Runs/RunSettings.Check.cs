namespace Lorikeet.Training;

/// <content>What settings may be: one line a rule, in three groups.</content>
public sealed partial record RunSettings
{
    /// <summary>Refuses settings that cannot be meant, by name.</summary>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public void Check()
    {
        CheckModel();
        CheckData();
        CheckTraining();
        CheckKeeping();
    }

    private void CheckModel()
    {
        Require(Method == "full" || Shape is null, "method", "full where a new model is trained");
        Shape?.Weights?.Check();
        Require(Method != "full" || Data.Count <= 1, "data", "one file where all weights are trained");
        Require(Weights is null || Models.WeightFormat.Find(Weights) is not null, "weights", $"one of {Models.WeightFormat.Names}");
        Require(Weights is null || (Shape is null && Method != "full"), "weights", "left out where the model's own weights are trained");
        Require(TrainType is null or "f32" or "bf16", "train-dtype", "f32 or bf16");
        Require(TrainType is not "bf16" || Method == "full", "train-dtype", "f32 where an adapter trains: adapters are small, and stay in float32");
    }

    private void CheckData()
    {
        Require(Data.Count > 0, "data", "at least one file");
        Require(Context is > 0 and <= 1 << 20, "context", "from 1 to 1048576");
        Require(Batch is > 0 and <= 1 << 16, "batch", "from 1 to 65536");
        Require((long)Batch * Context <= 1 << 24, "batch x context", "at most 16777216 tokens");
        Require(EvalShare is >= 0 and < 1, "eval-share", "from 0 to below 1");
        Require(Fields.Task == DataTask.Text || Shape is null, "task", "text where a new model is trained");
        Require(Fields.Task != DataTask.Classify || Method != "full", "task", "classify with an adapter, which brings the head: choose an adapter's method");
        Require(
            Fields.Task != DataTask.Prefer || Method != "full" || !Objective.Preference.NeedsReference, "loss", "orpo where all weights train: the others compare with the frozen model");
        Fields.Check();
        Objective.Check();
    }

    private void CheckTraining()
    {
        Require(Accumulate is > 0 and <= 1 << 16, "accumulate", "from 1 to 65536");
        Require(Steps is null or > 0, "steps", "at least 1");
        Require(Epochs is > 0 and <= 100_000, "epochs", "above 0 and at most 100000");
        Require(Rate is null || (Rate > 0 && double.IsFinite(Rate.Value)), "lr", "above 0");
        Require(Warmup is null or >= 0, "warmup", "0 or more steps");
        Require(WeightDecay is null || (WeightDecay >= 0 && double.IsFinite(WeightDecay.Value)), "weight-decay", "0 or more");
        Require(Clip >= 0 && !double.IsNaN(Clip), "clip", "0 (none) or more");
        _ = OptimizerOption.Read(new OptimizerSettings(), OptimizerOptions);
        Require(!PerLayer || Clip == 0, "clip", "0 with per-layer steps: they happen before the norm of all gradients is known");
        Require(StepRule is not null || StepRuleOptions.Count == 0, "step-rule", "named where it has options");
        Require(StepRule is null || Method == "full", "method", "full with a step rule that draws layers: they are the model's own");
        _ = StepRuleOption.Read(new StepRuleSettings(), StepRuleOptions);
    }

    private void CheckKeeping()
    {
        Require(Out.Length > 0, "out", "a folder");
        Require(EvalEvery >= 0, "eval-every", "0 or more steps");
        Require(CheckpointEvery >= 0, "checkpoint-every", "0 or more steps");
        Require(Ema is null or (> 0 and < 1), "ema", "above 0 and below 1");
        Require(Patience >= 0, "patience", "0 or more measurements");
        Require(Patience == 0 || ((EvalShare > 0 || EvalData is not null) && EvalEvery > 0), "patience", "0 where no held-out loss is measured while training (eval-share or eval-data, and eval-every)");
    }

    private static void Require(bool holds, string what, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"{what} must be {expected}");
        }
    }
}
