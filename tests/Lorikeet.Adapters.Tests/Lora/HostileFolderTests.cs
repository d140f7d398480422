using Lorikeet.Adapters.Tests.Contract;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests.Lora;

[Collection(nameof(Alone))]
public sealed class HostileFolderTests
{
    [Fact]
    public void Changed_bytes_are_loaded_or_refused_in_one_line_and_leave_nothing_behind()
    {
        using LanguageModel model = Bench.Model();
        foreach (string json in LoraBench.Kinds)
        {
            using TrainedAdapter adapter = LoraBench.Make(model, json);
            using LoraBench.Folder folder = new();
            AdapterFolder.Save(adapter, folder.Path);
            long live = Storage.LiveBytes;
            foreach (string file in (string[])[AdapterFolder.ConfigName, AdapterFolder.WeightsName])
            {
                string path = Path.Combine(folder.Path, file);
                byte[] good = File.ReadAllBytes(path);
                for (ulong turn = 0; turn < 60; turn++)
                {
                    CounterRandom random = new(turn, (ulong)file.Length);
                    byte[] changed = (byte[])good.Clone();
                    // The header of the tensors' file and the configuration are where a byte means most.
                    int at = random.Integer(0, Math.Min(changed.Length, 3000));
                    changed[at] = (byte)random.Integer(1, 256);
                    File.WriteAllBytes(path, turn % 7 == 6 ? changed[..at] : changed);
                    Load(folder.Path, model);
                    Assert.Equal(live, Storage.LiveBytes);
                }
                File.WriteAllBytes(path, good);
            }
        }
    }

    [Fact]
    public void A_save_that_fails_leaves_the_old_files()
    {
        using LanguageModel model = Bench.Model();
        using TrainedAdapter adapter = LoraBench.Make(model, LoraBench.Kinds[0]), other = LoraBench.Make(model, LoraBench.Kinds[1]);
        using LoraBench.Folder folder = new();
        AdapterFolder.Save(adapter, folder.Path);
        byte[] before = File.ReadAllBytes(Path.Combine(folder.Path, AdapterFolder.WeightsName));
        other.Store(new TensorToWrite("last", StoredType.F32, [1], _ => throw new IOException("no space left on device")));
        Assert.Throws<IOException>(() => AdapterFolder.Save(other, folder.Path));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(folder.Path, AdapterFolder.WeightsName)));
        Assert.Equal(2, Directory.GetFileSystemEntries(folder.Path).Length);
        using TrainedAdapter again = AdapterFolder.Load(folder.Path, model);
    }

    [Fact]
    public void Everything_an_adapter_takes_is_given_back()
    {
        long before = Storage.LiveBytes;
        using (LanguageModel model = LoraBench.Tied())
        {
            string[] tied =
            [
                """{"target_modules": ["v_proj"], "modules_to_save": ["embed_tokens"], "ensure_weight_tying": true}""",
                """{"target_modules": ["v_proj"], "trainable_token_indices": [3, 1]}""",
            ];
            foreach (string json in LoraBench.Kinds[..8].Concat(tied))
            {
                using TrainedAdapter adapter = LoraBench.Make(model, json);
                Bench.Logits(model, adapter, Bench.Prompts[0]);
                Bench.Backward(model, adapter, [Bench.Prompts[2]]);
                using MergedModel merged = Merging.MergeInto(model, adapter);
            }
        }
        Assert.Equal(before, Storage.LiveBytes);
    }

    // To train and to serve: both take it, or both refuse it for the same reason.
    private static void Load(string folder, LanguageModel model) =>
        Assert.Equal(Reason(() => AdapterFolder.Load(folder, model)), Reason(() => AdapterFolder.LoadSealed(folder, model)));

    private static string? Reason(Func<TrainedAdapter> load)
    {
        try
        {
            using TrainedAdapter adapter = load();
            return null;
        }
        catch (Exception e) when (e is BadFileException or NotSupportedException)
        {
            Assert.DoesNotContain('\n', e.Message);
            return e.Message;
        }
    }
}
