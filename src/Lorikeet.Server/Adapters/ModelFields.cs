using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Reads which model a request wants, in every accepted spelling: <c>model</c>, <c>adapter</c>, <c>adapter_id</c>, <c>lora</c>, <c>adapters</c>, <c>merged_adapters</c>.</summary>
internal sealed class ModelFields(AdapterDirectory directory, ServerLimits limits)
{
    private const double LargestWeight = 8;

    /// <summary>Reads them and binds the names.</summary>
    /// <returns>The name as the answer repeats it, and what it is bound to.</returns>
    public async Task<(string Echo, AdapterBinding Binding)> ReadAsync(Fields body, Caller caller, CancellationToken stop)
    {
        string? model = body.Text("model");
        body.Refuse("there is no remote source", "adapter_source", "api_token");
        string? other = body.Text("adapter_id");
        string otherField = "adapter_id";
        if (body.TryGet("adapter", out JsonElement adapter))
        {
            string name = adapter.ValueKind == JsonValueKind.String ? adapter.GetString()! : Fields.Of(adapter, "adapter").RequiredText("generation");
            if (other is not null && other != name)
            {
                throw Conflict("adapter", $"adapter_id is '{other}', adapter is '{name}'");
            }
            (other, otherField) = (name, "adapter");
        }
        string[] mixtures = [.. new[] { "adapters", "lora", "merged_adapters" }.Where(f => body.Has(f))];
        if (mixtures.Length > 1 || (mixtures.Length == 1 && other is not null))
        {
            throw Conflict(mixtures[0], $"{string.Join(" and ", mixtures.Concat(other is null ? [] : [otherField]))} each name adapters; expected one of them");
        }
        BoundAdapter? bound = await directory.FindAsync(caller, model, "model", stop);
        string echo = string.IsNullOrEmpty(model) ? directory.BaseName : model;
        if (mixtures.Length == 1)
        {
            List<(BoundAdapter Adapter, string Place)> entries = [];
            foreach ((string name, double weight, string place) in Mixture(body, caller, mixtures[0]))
            {
                BoundAdapter entry = await directory.FindAsync(caller, name, place, stop) ?? throw ApiException.Value(place, $"'{name}' is the base; a mixture names adapters");
                entries.Add((entry with { Weight = weight, Place = place }, place));
            }
            if (bound is not null)
            {
                throw Conflict("model", $"model names the adapter '{model}' and {mixtures[0]} a mixture; with a mixture model names the base");
            }
            return (echo, Mixed(entries));
        }
        if (other is not null)
        {
            BoundAdapter? second = await directory.FindAsync(caller, other, otherField, stop);
            if (bound is not null && second?.Version.Id != bound.Version.Id)
            {
                throw Conflict(otherField, $"model is '{model}', {otherField} is '{other}'");
            }
            bound = second;
        }
        return (echo, bound is null ? AdapterBinding.Base : new AdapterBinding { Entries = [bound] });
    }

    private static AdapterBinding Mixed(List<(BoundAdapter Adapter, string Place)> entries)
    {
        HashSet<(string, string)> seen = [];
        foreach ((BoundAdapter entry, string place) in entries)
        {
            if (!seen.Add((entry.Tenant, entry.Name)))
            {
                throw ApiException.Value(place, $"'{entry.Name}' is in the mixture twice");
            }
        }
        BoundAdapter[] kept = [.. entries.Where(e => e.Adapter.Weight != 0).Select(e => e.Adapter)];
        return kept.Length == 0 ? AdapterBinding.Base : new AdapterBinding { Entries = kept };
    }

    private IEnumerable<(string Name, double Weight, string Place)> Mixture(Fields body, Caller caller, string field) => field switch
    {
        "adapters" => Adapters(body),
        "lora" => Lora(body, caller),
        _ => Merged(body.Object("merged_adapters")!.Value),
    };

    private List<(string, double, string)> Adapters(Fields body)
    {
        List<(string, double, string)> entries = [];
        foreach (JsonElement item in Bounded(body.Array("adapters")!.Value, "adapters").EnumerateArray())
        {
            string place = $"adapters[{entries.Count}]";
            Fields entry = Fields.Of(item, place);
            double weight = entry.Number("weight", -LargestWeight, LargestWeight) ?? throw entry.Absent("weight", $"a number from {-LargestWeight} to {LargestWeight}");
            entries.Add((entry.RequiredText("name"), weight, $"{place}.name"));
        }
        return entries;
    }

    // llama.cpp's: a number is a place in the caller's own list.
    private List<(string, double, string)> Lora(Fields body, Caller caller)
    {
        List<(string, double, string)> entries = [];
        AdapterRecord[]? list = null;
        foreach (JsonElement item in Bounded(body.Array("lora")!.Value, "lora").EnumerateArray())
        {
            string place = $"lora[{entries.Count}]";
            Fields entry = Fields.Of(item, place);
            double weight = entry.Number("scale", -LargestWeight, LargestWeight) ?? 1;
            if (!entry.TryGet("id", out JsonElement id))
            {
                throw entry.Absent("id", "a name or a position in GET /lora-adapters");
            }
            string name = id.ValueKind == JsonValueKind.String ? id.GetString()! : Position(entry.Integer("id", 0, int.MaxValue)!.Value, place);
            entries.Add((name, weight, $"{place}.id"));
        }
        return entries;

        string Position(long index, string place)
        {
            list ??= [.. directory.Visible(caller).OrderBy(a => a.Created).ThenBy(a => a.Id, StringComparer.Ordinal)];
            return index < list.Length ? list[index].Name : throw ApiException.NoModel(index.ToString(System.Globalization.CultureInfo.InvariantCulture), $"{place}.id");
        }
    }

    private List<(string, double, string)> Merged(Fields merged)
    {
        if (merged.Text("merge_strategy") is { } strategy && strategy != "linear")
        {
            throw ApiException.Unsupported("merged_adapters.merge_strategy", $"'{strategy}' is not offered for each request; merge with lorikeet merge and upload the result");
        }
        merged.Refuse("merge with lorikeet merge and upload the result", "density", "majority_sign_method");
        IReadOnlyList<string> ids = merged.Strings("ids", single: false);
        JsonElement? weights = merged.Array("weights");
        if (ids.Count == 0 || ids.Count > limits.MixtureEntries)
        {
            throw ApiException.Limit("merged_adapters.ids", ids.Count, limits.MixtureEntries, "the mixture needs at least one adapter and has at most the limit");
        }
        if (weights is { } array && array.GetArrayLength() != ids.Count)
        {
            throw ApiException.Value("merged_adapters.weights", $"{ids.Count} ids and {array.GetArrayLength()} weights; expected as many");
        }
        return [.. ids.Select((id, i) => (id, weights is { } w ? Weight(w[i], i) : 1.0, $"merged_adapters.ids[{i}]"))];
    }

    private static double Weight(JsonElement value, int index)
    {
        string place = $"merged_adapters.weights[{index}]";
        double weight = value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Fields.Wrong(place, value, "a number");
        return Math.Abs(weight) <= LargestWeight ? weight : throw ApiException.Value(place, $"a weight is beyond ±{LargestWeight}");
    }

    private JsonElement Bounded(JsonElement array, string field)
    {
        int count = array.GetArrayLength();
        return count == 0 ? throw ApiException.Value(field, $"{field} is empty; expected at least one adapter")
            : count > limits.MixtureEntries ? throw ApiException.Limit(field, count, limits.MixtureEntries, "the mixture has too many entries")
            : array;
    }

    private static ApiException Conflict(string param, string message) => ApiException.Bad(param, "conflicting_adapters", message);
}
