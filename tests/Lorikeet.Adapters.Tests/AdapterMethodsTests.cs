using System.Text.Json.Nodes;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Adapters.Tests;

/// <summary>What <see cref="AdapterMethods.Add"/> refuses; the sample OwnMethod shows what it takes, in a process of its own.</summary>
public class AdapterMethodsTests
{
    [Theory]
    [InlineData("LoRA", "OWN", "there is lora (LORA) already")]
    [InlineData("own", "NOLA", "there is nola (NOLA) already")]
    [InlineData("full", "OWN", "cannot be named 'full'")]
    [InlineData("", "OWN", "cannot be named ''")]
    public void A_name_that_is_taken_is_refused(string name, string type, string says)
    {
        AdapterMethod[] before = [.. AdapterMethods.All];
        Assert.Contains(says, Assert.Throws<ArgumentException>(() => AdapterMethods.Add(new Named(name, type))).Message, StringComparison.Ordinal);
        Assert.Equal(before, AdapterMethods.All);
    }

    private sealed class Named(string name, string type) : AdapterMethod
    {
        public override string Name => name;

        public override string PeftType => type;

        public override string Summary => "";

        public override string Source => "";

        public override string Formula => "0";

        public override IReadOnlyList<MethodOption> Options => [];

        public override bool Reads(JsonObject config) => false;

        public override TrainedAdapter Create(string name, LanguageModel model, JsonObject config, CounterRandom random) => throw new NotSupportedException();

        public override TrainedAdapter Read(string name, LanguageModel model, AdapterFile file) => throw new NotSupportedException();
    }
}
