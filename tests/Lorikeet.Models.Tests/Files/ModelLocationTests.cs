using Lorikeet.Models.Files;

namespace Lorikeet.Models.Tests.Files;

public sealed class ModelLocationTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_folder_is_itself() => Assert.Equal(folder.Path, ModelLocation.Resolve(folder.Path));

    [Theory]
    [InlineData("HF_HUB_CACHE", "")]
    [InlineData("HF_HOME", "hub")]
    [InlineData("XDG_CACHE_HOME", "huggingface/hub")]
    [InlineData("HOME", ".cache/huggingface/hub")]
    public void A_name_is_found_in_the_cache(string variable, string below)
    {
        string repository = Path.Combine(folder.Path, below, "models--some--small-model");
        string snapshot = Path.Combine(repository, "snapshots", "0123abc");
        Directory.CreateDirectory(snapshot);
        Directory.CreateDirectory(Path.Combine(repository, "refs"));
        File.WriteAllText(Path.Combine(repository, "refs", "main"), "0123abc\n");

        Assert.Equal(snapshot, ModelLocation.Resolve("some/small-model", name => name == variable ? folder.Path : null));

        BadFileException absent = Assert.Throws<BadFileException>(() => ModelLocation.Resolve("some/other", name => name == variable ? folder.Path : null));
        Assert.Contains(Path.Combine(folder.Path, below, "models--some--other"), absent.Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(repository, "refs", "main"), "../../../etc");
        Assert.Throws<BadFileException>(() => ModelLocation.Resolve("some/small-model", name => name == variable ? folder.Path : null));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b/c")]
    [InlineData("../a")]
    [InlineData("some/..x")]
    [InlineData("some/model name")]
    [InlineData("/absolute/path/that/is/not/there")]
    public void Other_names_are_refused(string name) => Assert.Throws<BadFileException>(() => ModelLocation.Resolve(name, _ => folder.Path));

    [Fact]
    public void Files_are_refused_and_pickles_with_the_reason()
    {
        File.WriteAllText(folder["m.pt"], "");
        File.WriteAllText(folder["m.safetensors"], "");
        Assert.Contains("can run code", Assert.Throws<BadFileException>(() => ModelLocation.Resolve(folder["m.pt"])).Message, StringComparison.Ordinal);
        Assert.Contains("folder", Assert.Throws<BadFileException>(() => ModelLocation.Resolve(folder["m.safetensors"])).Message, StringComparison.Ordinal);
    }
}
