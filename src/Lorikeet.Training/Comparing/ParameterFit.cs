using System.Text.Json.Nodes;
using Lorikeet.Adapters;
using Lorikeet.Models;
using Lorikeet.Tensors;

namespace Lorikeet.Training;

/// <summary>Finds the largest adapter of a method that has at most so many numbers.</summary>
internal static class ParameterFit
{
    private const int Most = 1 << 14;

    /// <summary>The method's options with one of its counts (its rank, where that changes the size) as large as fits.</summary>
    /// <param name="model">The model.</param>
    /// <param name="candidate">The method and what is fixed of its options.</param>
    /// <param name="budget">The most numbers.</param>
    /// <exception cref="ArgumentException">Even the smallest adapter is too large.</exception>
    public static JsonObject Options(LanguageModel model, Candidate candidate, double budget)
    {
        AdapterMethod method = AdapterMethods.Find(candidate.Method);
        JsonObject options = (JsonObject)candidate.Options.DeepClone();
        string? knob = method.Options.Select(o => o.Key).OrderBy(key => key == "r" ? 0 : 1).FirstOrDefault(key => !options.ContainsKey(key) && Grows(key));
        if (knob is null)
        {
            return Count(options) <= budget ? options : throw TooLarge();
        }
        int low = 1, high = Most;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            // What cannot be made (a rank above the matrix') is too large.
            (low, high) = With(knob, middle) is { } count && count <= budget ? (middle, high) : (low, middle - 1);
        }
        options[knob] = low;
        return With(knob, low) is { } least && least <= budget ? options : throw TooLarge();

        bool Grows(string key) => With(key, 1) is { } one && With(key, 2) is { } two && With(key, 4) is { } four && one < two && two < four;

        long? With(string key, int value)
        {
            JsonObject changed = (JsonObject)options.DeepClone();
            changed[key] = value;
            try
            {
                return Count(changed);
            }
            catch (Exception e) when (e is ArgumentException or NotSupportedException or Models.Files.BadFileException)
            {
                return null;
            }
        }

        long Count(JsonObject own)
        {
            using TrainedAdapter adapter = method.Create("size", model, own, new CounterRandom(1));
            return adapter.Parameters.Where(p => p.Trainable).Sum(p => p.Value.Shape.Length);
        }

        ArgumentException TooLarge() => new($"{candidate.Text} has more than {budget:F0} numbers at its smallest; give it other options, or a larger budget");
    }
}
