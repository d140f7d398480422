using System.Globalization;
using System.Runtime.InteropServices;
using Lorikeet.Adapters;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verify;

/// <summary>A method's subspace whose bases and indices a case gives, for each step in which they are chosen.</summary>
internal sealed class GivenSubspace(Subspace own, SafetensorsFile file, Func<int> step) : Subspace
{
    public override void Choose(in SubspaceRequest request, OptimizerState state)
    {
        // An adapter's parameter has its file's prefix in its name, which cases leave out.
        string name = request.Name.Replace(AdapterFile.Prefix, "", StringComparison.Ordinal);
        string prefix = string.Create(CultureInfo.InvariantCulture, $"step{step():D2}.{name}.");
        if (file.TryGet(prefix[..^1], out StoredTensor? basis))
        {
            // Without a side in its name: of the shorter side, as in GaLore's std.
            Put(state, request.Gradient.Rows >= request.Gradient.Width ? "right" : "left", basis);
            return;
        }
        List<StoredTensor> given = [.. file.Tensors.Where(t => t.Name.StartsWith(prefix, StringComparison.Ordinal))];
        if (given.Count == 0)
        {
            // Learnt factors are given after each step: only the first choice is a choice.
            if (state.Has("factor0"))
            {
                return;
            }
            throw new BadFileException($"{file.FilePath} has no tensor {prefix}..");
        }
        if (own is TuckerSubspace && state.Has("factor0_avg"))
        {
            return;
        }
        foreach (StoredTensor tensor in given)
        {
            string kind = tensor.Name[prefix.Length..];
            switch (kind)
            {
                case "columns" or "rows":
                    Indices(state, TrainingReference.Integers(file, tensor.Name));
                    break;
                case "column":
                    {
                        int width = request.Gradient.Width;
                        int[] rows = TrainingReference.Integers(file, prefix + "row"), columns = TrainingReference.Integers(file, tensor.Name);
                        Indices(state, [.. rows.Zip(columns, (r, c) => (r * width) + c)]);
                        break;
                    }
                case "row":
                    break;
                case "active":
                    state.Drop("active");
                    if (TrainingReference.Integers(file, tensor.Name)[0] != 0)
                    {
                        state.Add("active", new Shape(1)).Span[0] = 1;
                    }
                    break;
                default:
                    Put(state, kind, tensor);
                    break;
            }
        }
    }

    public override bool CanChoose(in Tensor gradient) => true;

    public override Shape? Inside(Shape shape, OptimizerState state) => own.Inside(shape, state);

    public override void Down(OptimizerState state, in Tensor gradient, in Tensor low) => own.Down(state, gradient, low);

    public override void Up(OptimizerState state, in Tensor low, in Tensor whole) => own.Up(state, low, whole);

    public override bool IsWhole(Shape shape, OptimizerState state) => own.IsWhole(shape, state);

    public override void Learn(OptimizerState state, in Tensor gradient, double rate) => own.Learn(state, gradient, rate);

    private void Put(OptimizerState state, string kind, StoredTensor tensor)
    {
        state.Drop(kind);
        file.ReadSingle(tensor, state.Add(kind, new Shape((int)tensor.Shape[0], (int)tensor.Shape[1])).Span);
    }

    private static void Indices(OptimizerState state, int[] picked)
    {
        state.Drop("indices");
        if (picked.Length > 0)
        {
            picked.CopyTo(MemoryMarshal.Cast<float, int>(state.Add("indices", new Shape(picked.Length)).Span));
        }
    }
}
