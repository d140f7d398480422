using System.Text.Json;
using Lorikeet.Cli.Verify.Quantisation;

namespace Lorikeet.Cli.Verify;

/// <summary>Area <c>quantisation</c>: code books, four-bit matrices, layers and models of bitsandbytes, training through them.</summary>
internal sealed class QuantisationVerifier : IVerifier
{
    /// <inheritdoc/>
    public string Area => "quantisation";

    /// <inheritdoc/>
    public void Verify(string folder, CaseReport report)
    {
        using JsonDocument json = TrainingReference.Read(folder);
        JsonElement root = json.RootElement;
        if (Has("losses", out _) && Has("settings", out _))
        {
            new QuantisedTrainingCase(folder, root, report).Verify();
        }
        else if (Has("blocks", out JsonElement list) && All(list, "blocksize", "quant_type"))
        {
            new FourBitBlocksCase(folder, root, report).Verify();
        }
        else if (Has("layers", out list) && All(list, "quant_state_json", "quant_type"))
        {
            new FourBitLayersCase(folder, root, report).Verify();
        }
        else if (File.Exists(Path.Combine(folder, CodeBooksCase.File)))
        {
            CodeBooksCase.Verify(folder, root, report);
        }
        else
        {
            throw new NotSupportedException($"{(Has("what", out JsonElement what) ? what.GetString() : "a case of this form")}: not built yet");
        }

        bool Has(string key, out JsonElement value) => root.TryGetProperty(key, out value);

        static bool All(JsonElement list, params ReadOnlySpan<string> keys)
        {
            foreach (JsonElement item in list.EnumerateArray())
            {
                foreach (string key in keys)
                {
                    if (!item.TryGetProperty(key, out _))
                    {
                        return false;
                    }
                }
            }
            return true;
        }
    }
}
