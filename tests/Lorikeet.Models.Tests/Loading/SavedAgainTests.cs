using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Files;
using Lorikeet.Testing;

namespace Lorikeet.Models.Tests.Loading;

/// <summary>Models of the reference folders, saved again: the tensors of the file, by their names, in their shapes, bit for bit.</summary>
public sealed class SavedAgainTests
{
    [SharedFact("parity/models")]
    public void A_models_tensors_are_written_as_they_were_read()
    {
        int seen = 0;
        foreach (string config in Directory.EnumerateFiles(SharedFiles.Path("parity/models")!, "config.json", SearchOption.AllDirectories).Order())
        {
            LanguageModel model;
            try
            {
                model = ModelLoader.Load(Path.GetDirectoryName(config)!);
            }
            catch (NotSupportedException)
            {
                continue;
            }
            using (model)
            {
                Same(model, Path.GetDirectoryName(config)!);
            }
            seen++;
        }
        Assert.True(seen >= 33, $"{seen} models were saved");
    }

    private static void Same(LanguageModel model, string original)
    {
        using TemporaryFolder folder = new();
        ModelWriter.Save(model, folder.Path);
        using TensorFolder written = TensorFolder.Open(folder.Path), read = TensorFolder.Open(original);
        foreach (string name in written.Names)
        {
            Assert.True(written.TryGet(name, out StoredTensor? now, out SafetensorsFile? nowFile));
            Assert.True(read.TryGet(name, out StoredTensor? old, out SafetensorsFile? oldFile), $"{original}: {name} is new");
            Assert.True(now.Shape.SequenceEqual(old.Shape), $"{original}: {name} is [{string.Join(", ", now.Shape)}], it was [{string.Join(", ", old.Shape)}]");
            Assert.Equal((name, old.Type), (name, now.Type));
            Assert.True(nowFile.Bytes(now).SequenceEqual(oldFile.Bytes(old)), $"{original}: {name} differs");
        }
        using LanguageModel again = ModelLoader.Load(folder.Path);
        Assert.Equal(model.ParameterCount, again.ParameterCount);
    }
}
