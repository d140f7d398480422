using System.Runtime.InteropServices;
using Lorikeet.Kernels;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Contract;

/// <summary>An adapter loaded to serve is the adapter loaded to train, sealed: of every method, stored in every type, kept in every storage.</summary>
[Collection(nameof(Alone))]
public sealed class SealedLoadTests
{
    public static TheoryData<string> Names => MethodRow.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void Loaded_to_serve_is_loaded_and_sealed(string name)
    {
        using LanguageModel model = Bench.Model();
        using TemporaryFolder temporary = new();
        string folder = temporary.Of("adapter");
        using (TrainedAdapter made = MethodRow.Of(name).CreateShaken(model))
        {
            AdapterFolder.Save(made, folder);
        }
        // NOLA stores its coefficients in a type that its configuration names.
        foreach (StoredType? type in MethodRow.Of(name).Method == "nola" ? (StoredType?[])[null] : [StoredType.F32, StoredType.BF16, StoredType.F16, StoredType.F64])
        {
            if (type is { } other)
            {
                Convert(folder, other);
            }
            foreach (FactorStorage storage in Enum.GetValues<FactorStorage>())
            {
                long live = Storage.LiveBytes;
                using (TrainedAdapter trained = AdapterFolder.Load(folder, model), serving = AdapterFolder.LoadSealed(folder, model, factors: storage))
                {
                    Assert.All(trained.Parameters, p => Assert.Null(p.Unread));
                    trained.Factors = storage;
                    trained.Seal();
                    Assert.Equal((trained.Bytes, trained.FormBytes), (serving.Bytes, serving.FormBytes));
                    Assert.Throws<InvalidOperationException>(serving.ForgetForms);
                    float[] expected = Bench.Logits(model, trained, Bench.Prompts[2]);
                    Assert.Equal(MemoryMarshal.Cast<float, uint>(expected), MemoryMarshal.Cast<float, uint>(Bench.Logits(model, serving, Bench.Prompts[2])));
                }
                Assert.Equal(live, Storage.LiveBytes);
            }
        }
    }

    [Fact]
    public void What_has_no_batched_form_is_read_before_the_file_closes()
    {
        using LanguageModel model = Bench.Model();
        using TemporaryFolder temporary = new();
        string folder = temporary.Of("adapter");
        string config = """{"r": 3, "target_modules": ["q_proj", "embed_tokens"], "modules_to_save": ["o_proj"]}""";
        using (TrainedAdapter made = AdapterMethods.Find("lora").Create("x", model, System.Text.Json.Nodes.JsonNode.Parse(config)!.AsObject(), new CounterRandom(1)))
        {
            Bench.Shake(made);
            AdapterFolder.Save(made, folder);
        }
        using TrainedAdapter trained = AdapterFolder.Load(folder, model), serving = AdapterFolder.LoadSealed(folder, model);
        Directory.Delete(folder, recursive: true);
        Assert.Equal(Bench.Logits(model, trained, Bench.Prompts[2]), Bench.Logits(model, serving, Bench.Prompts[2]));
    }

    [Theory]
    [InlineData(StoredType.F32)]
    [InlineData(StoredType.BF16)]
    [InlineData(StoredType.F16)]
    [InlineData(StoredType.F64)]
    public void A_number_that_is_not_finite_is_refused_with_its_place(StoredType type)
    {
        using LanguageModel model = Bench.Model();
        using TemporaryFolder temporary = new();
        string folder = temporary.Of("adapter");
        using (TrainedAdapter made = MethodRow.Of("lora").CreateShaken(model))
        {
            AdapterFolder.Save(made, folder);
        }
        foreach ((float bad, string word) in ((float, string)[])[(float.NaN, "NaN"), (float.PositiveInfinity, "infinite"), (float.NegativeInfinity, "infinite")])
        {
            Convert(folder, type, (name, values) =>
            {
                if (name.EndsWith("layers.1.mlp.up_proj.lora_B.weight", StringComparison.Ordinal))
                {
                    values[(7 * 4) + 3] = bad;
                }
            });
            long live = Storage.LiveBytes;
            foreach (Action load in (Action[])[() => AdapterFolder.Load(folder, model).Dispose(), () => AdapterFolder.LoadSealed(folder, model).Dispose()])
            {
                BadFileException error = Assert.Throws<BadFileException>(load);
                Assert.EndsWith($"layers.1.mlp.up_proj.lora_B.weight[7,3] is {word}; expected finite numbers.", error.Message, StringComparison.Ordinal);
                Assert.Equal(live, Storage.LiveBytes);
            }
            Convert(folder, type, (_, values) =>
            {
                for (int i = 0; i < values.Length; i++)
                {
                    values[i] = float.IsFinite(values[i]) ? values[i] : 0f;
                }
            });
        }
    }

    private static void Convert(string folder, StoredType type, Action<string, float[]>? change = null)
    {
        string path = Path.Combine(folder, AdapterFolder.WeightsName);
        List<TensorToWrite> tensors = [];
        using (SafetensorsFile file = SafetensorsFile.OpenUnmapped(path))
        {
            foreach (StoredTensor tensor in file.Tensors)
            {
                if (tensor.Type is StoredType.F32 or StoredType.BF16 or StoredType.F16 or StoredType.F64)
                {
                    float[] values = new float[tensor.Count];
                    file.ReadSingle(tensor, values);
                    change?.Invoke(tensor.Name, values);
                    tensors.Add(type == StoredType.F64
                        ? new TensorToWrite(tensor.Name, type, tensor.Shape, to => to.Write(MemoryMarshal.AsBytes<double>([.. values.Select(v => (double)v)])))
                        : TensorToWrite.Single(tensor.Name, tensor.Shape, values, type));
                }
                else
                {
                    byte[] bytes = file.Bytes(tensor).ToArray();
                    tensors.Add(new TensorToWrite(tensor.Name, tensor.Type, tensor.Shape, to => to.Write(bytes)));
                }
            }
        }
        SafetensorsWriter.Write(path, new Dictionary<string, string> { ["format"] = "pt" }, tensors);
    }
}
