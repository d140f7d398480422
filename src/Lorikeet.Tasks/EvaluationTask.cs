using System.Reflection;
using Lorikeet.Models;
using Lorikeet.Models.Files;
using Lorikeet.Models.Text;

namespace Lorikeet.Tasks;

/// <summary>A task with right answers: a small file that says where the data is, how a row becomes a question, and what is measured.</summary>
/// <remarks>
/// All adapters answer in one batch, row by row with an adapter of its own each. A result is a function of the task, the options and the adapter alone:
/// neither of the adapters beside it, nor of the number of threads.
/// </remarks>
public sealed class EvaluationTask
{
    private const string Prefix = "tasks/";
    private readonly TaskFile file;

    private EvaluationTask(string name, TaskFile file, string? folder)
    {
        Name = name;
        this.file = file;
        Folder = folder;
    }

    /// <summary>The tasks that come with the program, by name.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } =
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Select(n => n[Prefix.Length..]).Order(StringComparer.Ordinal),
    ];

    /// <summary>Its name: of a file, the file's without its ending.</summary>
    public string Name { get; }

    /// <summary>What it is, in a sentence.</summary>
    public string About => file.About;

    /// <summary>What is measured: <c>loss</c>, <c>choose</c>, <c>classify</c>, <c>generate</c>.</summary>
    public string Kind => file.Kind;

    /// <summary>The folder of its file; null: it is built in.</summary>
    public string? Folder { get; }

    /// <summary>Finds a task.</summary>
    /// <param name="nameOrFile">The name of one that is built in, or a .json file.</param>
    /// <exception cref="BadFileException">The file is not a task.</exception>
    /// <exception cref="NotSupportedException">There is no task of that name, or no such kind of tasks.</exception>
    public static EvaluationTask Load(string nameOrFile)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrFile);
        if (BuiltIn.Contains(nameOrFile))
        {
            using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Prefix + nameOrFile)!;
            using MemoryStream bytes = new();
            stream.CopyTo(bytes);
            using System.Text.Json.JsonDocument own = SafeJson.Parse(bytes.ToArray(), $"the task {nameOrFile}");
            return new EvaluationTask(nameOrFile, TaskFile.Read(own.RootElement, $"the task {nameOrFile}"), null);
        }
        if (!nameOrFile.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            throw new NotSupportedException($"there is no task '{nameOrFile}'; there are {string.Join(", ", BuiltIn)}, or name a .json file");
        }
        using System.Text.Json.JsonDocument json = SafeJson.ReadObject(nameOrFile);
        return new EvaluationTask(
            Path.GetFileNameWithoutExtension(nameOrFile), TaskFile.Read(json.RootElement, nameOrFile), Path.GetDirectoryName(Path.GetFullPath(nameOrFile)));
    }

    /// <summary>Runs it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="adapters">Who answers; null: the bare model.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told after each pass through the model.</param>
    /// <param name="stop">Ends it early: results are of the examples that all have answered by then.</param>
    /// <returns>One result for each adapter, in their order; none of an example where it was stopped before the first.</returns>
    /// <exception cref="BadFileException">The data cannot be read, or lacks what the task needs.</exception>
    /// <exception cref="ArgumentException">The options do not fit the task.</exception>
    public IReadOnlyList<EvaluationResult> Run(
        LanguageModel model,
        Tokenizer tokenizer,
        IReadOnlyList<Adapter?> adapters,
        EvaluationOptions options,
        Action<EvaluationProgress>? progress = null,
        CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(options);
        if (adapters.Count == 0)
        {
            throw new ArgumentException("there is nobody to evaluate: name adapters, or null for the bare model", nameof(adapters));
        }
        if (options.Limit is < 1 || options.Shots is < 0 or > 1000 || options.BatchTokens < 1 || options.BatchAnswers < 1 || options.Context < 1)
        {
            throw new ArgumentException(
                $"limit {options.Limit}, {options.Shots} shots, {options.BatchTokens} tokens and {options.BatchAnswers} answers a batch, context {options.Context}; expected 1 or more, shots 0 to 1000");
        }
        TaskRun run = new(Name, file, options.DataFolder ?? Folder, model, tokenizer, adapters, options, progress, stop);
        return TaskKinds.All[file.Kind](run);
    }
}
