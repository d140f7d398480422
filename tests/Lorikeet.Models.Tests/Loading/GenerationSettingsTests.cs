using Lorikeet.Models.Files;
using Lorikeet.Models.Tests.Architectures;
using Lorikeet.Models.Tests.Files;

namespace Lorikeet.Models.Tests.Loading;

public sealed class GenerationSettingsTests : IDisposable
{
    private static readonly ModelConfig Config = TinyModel.Config with { EndIds = [2], BeginId = 1 };
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Without_a_file_the_configuration_speaks() => Assert.Equal("1: 2", Read(null));

    [Fact]
    public void Its_list_of_end_ids_wins()
    {
        Assert.Equal("4: 5, 6", Read("""{"_from_model_config": true, "bos_token_id": 4, "eos_token_id": [5, 6], "temperature": 0.6, "top_k": 20}"""));
        GenerationSettings settings = GenerationSettings.Read(folder.Path, Config);
        Assert.Equal((0.6, 20, null), (settings.Temperature, settings.TopK, settings.TopP));
    }

    [Theory]
    [InlineData("""{"temperature": -1}""")]
    [InlineData("""{"top_p": 1.5}""")]
    [InlineData("""{"top_k": 1e40}""")]
    [InlineData("""{"eos_token_id": "2"}""")]
    public void A_hostile_value_is_refused(string json) => Assert.Throws<BadFileException>(() => Read(json));

    private string Read(string? json)
    {
        if (json is not null)
        {
            File.WriteAllText(folder["generation_config.json"], json);
        }
        GenerationSettings settings = GenerationSettings.Read(folder.Path, Config);
        return $"{settings.BeginId}: {string.Join(", ", settings.EndIds)}";
    }
}
