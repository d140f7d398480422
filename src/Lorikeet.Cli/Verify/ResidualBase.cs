using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Cli.Verify;

/// <summary>A run of the area <c>training</c> whose adapter took over a part of the base (PiSSA), and whose case holds what is left of it.</summary>
internal static class ResidualBase
{
    private const string FileName = "residual-base.safetensors";

    /// <summary>True for such a case.</summary>
    public static bool Is(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Puts the residual in the base's place and loads the adapter as a plain one, as a published residual model is used.</summary>
    public static TrainedAdapter Load(string folder, string adapter, LanguageModel model)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        model.Exchange((tensor, weight) => file.TryGet(tensor, out _) ? new DenseWeight(TrainingReference.Floats(file, tensor), weight.Outputs, weight.Inputs) : weight);
        string plain = Directory.CreateTempSubdirectory("lorikeet-verify-").FullName;
        try
        {
            File.Copy(Path.Combine(adapter, AdapterFolder.WeightsName), Path.Combine(plain, AdapterFolder.WeightsName));
            JsonObject config = AdapterFolder.ReadConfig(adapter);
            config["init_lora_weights"] = true;
            File.WriteAllText(Path.Combine(plain, AdapterFolder.ConfigName), config.ToJsonString());
            return AdapterFolder.Load(plain, model);
        }
        finally
        {
            Directory.Delete(plain, recursive: true);
        }
    }

    /// <summary>What our own decomposition leaves of the base, and the losses of the same run beside the whole base.</summary>
    public static void Compare(string folder, JsonElement root, CaseReport report)
    {
        if (!Is(folder))
        {
            return;
        }
        using TrainingCaseSession session = new(folder, root, checkpointing: false, wholeBase: true);
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, FileName));
        (double absolute, double relative) = TrainingReference.Tolerance(root.GetProperty("tolerance").GetProperty("final_weights"));
        foreach (StoredTensor tensor in file.Tensors)
        {
            string module = tensor.Name[..tensor.Name.LastIndexOf('.')];
            if (session.Model.Find(module) is LinearSite site && session.Adapter?[site] is LowRankSite { Start: { } start })
            {
                float[] left = site.Weight.ToArray();
                MatrixProduct.Multiply(start.B.Value.Span, false, start.A.Value.Span, false, left, site.Outputs, site.Inputs, start.Rank, -start.Scale, true);
                report.Each($"residual {module}", TrainingReference.Wide(left), TrainingReference.Wide(TrainingReference.Floats(file, tensor.Name)), relative, absolute);
            }
            else
            {
                report.Fail($"residual {module}", "the adapter took over nothing there");
            }
        }
        double[] losses = TrainingReference.Numbers(root.GetProperty("losses"));
        (absolute, relative) = TrainingReference.Tolerance(root.GetProperty("tolerance").GetProperty("losses"));
        report.Each("losses beside the whole base", [.. losses.Select(_ => session.Trainer.Next()[0].Loss)], losses, relative, absolute);
    }
}
