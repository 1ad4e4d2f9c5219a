/* Words, files and types that seldom come, as a table: what the command says of them, on standard output where it goes
 * well and as a sentence where it does not. */
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "command.h"
#include "small.h"

static bool text_put(const char *path, const char *content) {
    FILE *f = fopen(path, "we");
    return f && fputs(content, f) >= 0 && fclose(f) == 0;
}

/* A network that gives its input back, for each type, and two numbers of that type: 1 and −2, or 2 without a sign. */
static const struct {
    const char *type, *npy;
    const char *bytes; /* of both */
    size_t size;
} types[] = {
    {"float64", "<f8", "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0", 16},
    {"float32", "<f4", "\0\0\x80\x3f\0\0\0\xc0", 8},
    {"float16", "<f2", "\0\x3c\0\xc0", 4},
    {"int64", "<i8", "\1\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 16},
    {"int32", "<i4", "\1\0\0\0\xfe\xff\xff\xff", 8},
    {"int16", "<i2", "\1\0\xfe\xff", 4},
    {"int8", "|i1", "\1\xfe", 2},
    {"uint64", "<u8", "\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16},
    {"uint32", "<u4", "\1\0\0\0\2\0\0\0", 8},
    {"uint16", "<u2", "\1\0\2\0", 4},
    {"uint8", "|u1", "\1\2", 2},
    {"bool", "|b1", "\1\0", 2},
};
enum { TYPES = sizeof types / sizeof *types };

static bool types_put(void) {
    for (int i = 0; i < TYPES; i++) {
        char path[64], net[200];
        snprintf(net, sizeof net, "stria-net 1\nx = input(%s, 1 x 2)\ny = Identity(x)\noutput(y)\n", types[i].type);
        snprintf(path, sizeof path, "%s.net", types[i].type);
        if (!text_put(path, net)) return false;
        snprintf(path, sizeof path, "%s.npy", types[i].type);
        if (!small_npy(path, types[i].npy, "1, 2", types[i].bytes, types[i].size)) return false;
    }
    return true;
}

/* Every type is printed as its numbers, and comes back from a file as it was. */
static void types_check(void) {
    for (int i = 0; i < TYPES; i++) {
        char line[200];
        const char *type = types[i].type, *second = *type == 'u' ? "2" : *type == 'b' ? "0" : "-2";
        snprintf(line, sizeof line, "run %s.net --input %s.npy --threads 1", type, type);
        int code = command_run(line);
        char wanted[32];
        snprintf(wanted, sizeof wanted, "1 %s\n", second);
        const char *at = strstr(command_out, " 1 ");
        char squeezed[64] = "";
        if (at) {
            int one = 0, two = 99;
            if (sscanf(at, "%d %d", &one, &two) == 2) snprintf(squeezed, sizeof squeezed, "%d %d\n", one, two);
        }
        CHECK(code == 0 && strcmp(squeezed, wanted) == 0, "stria %s: '%s%s'", line, command_out, command_err);
        snprintf(line, sizeof line, "run %s.net --input %s.npy --output out", type, type);
        CHECK(command_run(line) == 0, "stria %s: '%s'", line, command_err);
        snprintf(line, sizeof line, "run %s.net --input out/y.npy --json", type);
        CHECK(command_run(line) == 0 && strstr(command_out, type), "stria %s: '%s%s'", line, command_out, command_err);
        snprintf(line, sizeof line, "convert %s.net out/n.onnx", type); /* both are asked about random numbers */
        CHECK(command_run(line) == 0, "stria %s: '%s'", line, command_err);
    }
}

static const struct {
    int code;
    const char *says, *line;
} rows[] = {
    {1, "input 'x' wants int64, 'float32.npy' holds float32", "run int64.net --input float32.npy"},
    {1, "input 'x' wants bool, 'int8.npy' holds int8", "run bool.net --input int8.npy"},
    {1, "input 'x' wants float32, 'bool.npy' holds bool", "run float32.net --input bool.npy"},
    {0, "y: float64 [1, 2]", "run float64.net --input int64.npy"},
    {0, "y: int64 [1, 2]", "run int64.net --input int8.npy"},
    {1, "input 'x' wants int64, 'bool.npy' holds bool", "run int64.net --input bool.npy"},
    {2, "input 'a' is given twice", "run two.net --input a=float32.npy --input a=float32.npy"},
    {1, "input 'b' wants [1, 2], 'three.npy' holds [3, 3]", "run two.net --input a=float32.npy --input b=three.npy"},
    {2, "input 'b' is missing: --input b=FILE", "run two.net --input a=float32.npy"},
    {2, "'w.npz' has no array 'a' among its 4", "run two.net --input a=w.npz"},
    {2, "'w.npz' has no array 'image' among its 4", "run m.onnx --input image=w.npz"},
    {2, "--grad: the model has no output 'nothing'; it has 'logits'", "run m.onnx --input x.npy --grad nothing"},
    {2, "--wrt: the model has no tensor 'nothing'", "run m.onnx --input x.npy --grad logits --wrt nothing"},
    {1, "'x.npy' has not the shape of 'logits'", "run m.onnx --input x.npy --grad logits --grad-seed x.npy"},
    {0, "logits: float32 [2, 10]", "run m.onnx --input x.npy --grad logits --grad-seed g.npy --wrt image"},
    {2, "'y' is int64: only floating-point values have gradients", "run int64.net --input int64.npy --grad y"},
    {1, "there is no folder 'nothing'", "run case/model.onnx --test-data nothing"},
    {1, "input 'a' wants [1, 2], 'input_*.pb' holds [2, 1, 8, 8]", "run two.net --test-data case"},
    {2, "--rtol: inf is out of range, 0 is the least", "run m.onnx --input x.npy --rtol inf"},
    {2, "--rtol: -1 is out of range, 0 is the least", "run m.onnx --input x.npy --rtol -1"},
    {2, "--rtol: 'nan' is not a number", "run m.onnx --input x.npy --rtol nan"},
    {2, "--input needs a value: --input [NAME=]FILE", "run m.onnx --input x.npy --input"},
    {1, "'f/dark/01.pgm' is not a folder", "run m.onnx --input x.npy --output f/dark/01.pgm"},
    {2, "--layer: the model has no layer 'nothing'; stria summary lists them",
     "show m.onnx features --image p.pgm --layer nothing --out out/s.png"},
    {2, "--layer: the model has no layer 'nothing'; stria summary lists them",
     "show m.onnx deepdream --image p.pgm --layer nothing --out out/s.png"},
    {2, "channel 10 is out of range, there are 0 to 9", "show m.onnx activation-max --class 10 --out out/s.png"},
    {2, "show: --channel needs --layer", "show m.onnx activation-max --class 1 --channel 9 --out out/s.png"},
    {2, "channel 99 is out of range, there are 0 to 3",
     "show m.onnx activation-max --layer conv1 --channel 99 --out out/s.png"},
    {2, "--class: 10 is out of range, the model has classes 0 to 9",
     "show m.onnx gradcam --image p.pgm --class 10 --out out/s.png"},
    {2, "--layer: 'logits' (Gemm) has no filters; convolutions have",
     "show m.onnx filters --layer logits --out out/s.png"},
    {2, "show: 'out/s.gif' does not end in .png, .ppm, .pgm, .pnm or, for the numbers, .npy",
     "show m.onnx filters --out out/s.gif"},
    {1, "input 'x' is int64 [1, 2]; a classifier of pictures takes float32 [batch, channels, height, width]",
     "show int64.net saliency --image p.pgm --out out/s.png"},
    {1, "model 'net' has 2 inputs; a classifier of pictures has one",
     "show two.net saliency --image p.pgm --out out/s.png"},
    {1, "model 'net' has 2 inputs; a classifier of pictures has one",
     "show two.net deepdream --image p.pgm --out out/s.png"},
    {0, "out/s.png: occlusion for class ", "show m.onnx occlusion --image p.pgm --window 9 --out out/s.png"},
    {2, "--perplexity: 0 is out of range 1 to 18, the other images",
     "show r embedding --method tsne --perplexity 0 --out out/s.svg"},
    {2, "--limit: 1 is out of range 3 to 3000", "show r embedding --limit 1 --out out/s.svg"},
    {2, "show: 'out/s.png' does not end in .svg or .npy, the formats of embeddings",
     "show r embedding --split val --out out/s.png"},
    {1,
     "there is no folder nothing: put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, "
     "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz into one folder and give it as mnist:FOLDER",
     "report r --data mnist:nothing --out out/r.html"},
    {0, "\"state\":\"complete\",\"step\":10,\"epoch\":2,\"images\":5,",
     "report r --split train --limit 5 --out out/r.html --json"},
    {0, "r/tensorboard/events.out.tfevents.", "report r --out out/r.html --no-eval --tensorboard"},
    {0, "s/report.html ", "report r s --no-eval"},
    {2, "report: --out names one file, but 2 runs are given; each writes its own report.html without it",
     "report r s --out out/r.html"},
    {1, "cannot open 'case/checkpoint.safetensors': no such file or directory", "report case"},
    {2, "convert: 'out/m.pth' does not end in .onnx, .net, .safetensors or .npz, so its format is not known",
     "convert m.onnx out/m.pth"},
    {2, "--opset: 5 is out of range 13 to 28", "convert m.onnx out/m.onnx --opset 5"},
    {2, "convert: --fp16 and --bf16 are given; give one of the two", "convert m.onnx out/m.onnx --fp16 --bf16"},
    {2, "convert: --save-test-case is given, but 'out/m.net' is not an .onnx file, and test cases need one",
     "convert m.onnx out/m.net --save-test-case out/case"},
    {1, "cannot write 'nothing/m.onnx': no such file or directory", "convert m.onnx nothing/m.onnx"},
    {1, "--labels: 'p.pgm' has 1 name, but the model has 10 classes", "convert m.onnx out/m.onnx --labels p.pgm"},
    {2, "--width: 'm.onnx' is not a built-in network", "convert m.onnx out/m.onnx --width 0.5"},
    {2, "dimension 'batch=0' is not NAME=SIZE or INPUT:AXIS=SIZE with a size of 1 or more",
     "convert m.onnx out/m.onnx --dims batch=0"},
    {2, "dimension 'batch' is not NAME=SIZE or INPUT:AXIS=SIZE with a size of 1 or more",
     "convert m.onnx out/m.onnx --dims batch"},
    {2, "--classes: 'm.onnx' is not a built-in network", "summary m.onnx --classes 6"},
    {2, "--hidden: '3,4' has a colon or comma in it", "summary mlp --hidden 3,4"},
    {0, "{\"kernel\":[1.21428571429],\"loss\":0.119047619048,", "filter '1 2 3' --learn '1 2 4' --size 1 --json"},
    {0, "→ out/y.png", "filter '1 2; 3 4 | 5 6; 7 8' --kernel '1 1 | 1 1' --out out/y.png"},
    {2, "the input is zero everywhere, so no kernel can be learned from it", "filter '0 0 0' --learn '1 2 4' --size 2"},
    {2, "kernel gauss:: sigma is a number above 0, up to 40", "filter '1 2 3' --kernel gauss:"},
    {2, "kernel gauss:41: sigma is a number above 0, up to 40", "filter '1 2 3' --kernel gauss:41"},
    {2, "kernel gauss:1x: sigma is a number above 0, up to 40", "filter '1 2 3' --kernel gauss:1x"},
    {0, "\"values\":[[0.0,1.0,2.0,3.0],[2.0,7.0,12.0,9.0]]}", "filter '1 2 3' --kernel four.npy --json"},
    {2, "the kernel has a weight that is not finite", "filter p.pgm --kernel inf.npy"},
    {2, "data: unknown option --nothing; 'stria data --help' lists them", "data list --nothing"},
    {2, "data: unknown word 'nothing'; there are list, fetch, show, stats, check, pack, split, augment and steps",
     "data nothing"},
    {2, "data: list is missing; usage: stria data list", "data"},
    {0, "sgd:momentum=0.9", "compare r"},
    {0, "{\"runs\":[{\"run\":\"r\",\"epochs\":2,\"steps\":10,", "compare r r --json"},
    {1, "cannot open 'case/checkpoint.safetensors': no such file or directory", "compare r case"},
    {1, "input 'a' wants [1, 2], 'm.onnx' holds [1, 1, 8, 8]", "diff m.onnx two.net"},
    {1, "x.npy: not a PNG, JPEG, WebP, TIFF, BMP or PNM picture", "diff m.onnx m.onnx --image x.npy"},
    {2, "bench: --compare takes two files of stria bench --json, but 1 is given", "bench --compare bench.json"},
    {1, "model 'net' has 2 inputs; a classifier of pictures has one", "bench two.net --repeat 1 --train"},
    {1, "cannot open 'case/checkpoint.safetensors': no such file or directory", "train --resume case"},
    {1, "no run is found in folder 'runs'; --resume RUN names one", "train --resume"},
    {2, "train: unexpected argument 'm.net'; a run folder contains its model", "train m.net --data mnist:d --resume r"},
    {2, "--val: '1' is not yes, no or a share between 0 and 1, as 0.2", "train m.net --data mnist:d --val 1"},
    {2, "--val: 'x' is not yes, no or a share between 0 and 1, as 0.2", "train m.net --data mnist:d --val x"},
    {1, "model 'net' has 2 inputs; a classifier of pictures has one", "train two.net --data mnist:d --out out/t"},
    {1, "the data has 2 classes, the model's output 'logits' has 10", "train m.net --data folder:f --out out/t"},
    {2, "--lr-factor: no weights of model 'small', and no layer that has some, are called 'x'",
     "train m.net --data mnist:d --out out/t --lr-factor x=1"},
    {2, "--sweep: lr has the value 0.1 twice; --repeat N trains each combination from N seeds",
     "train m.net --data mnist:d --sweep 'lr=0.1,0.1' --out out/t"},
    {2, "--sweep: lr stands there twice; all its values go together: lr=VALUE,VALUE",
     "train m.net --data mnist:d --sweep 'lr=0.1;lr=0.2' --out out/t"},
    {2, "--sweep: there is nothing in it", "train m.net --data mnist:d --sweep ';' --out out/t"},
    {2, "--sweep: 'seed' is not an option of a training with a value",
     "train m.net --data mnist:d --sweep 'seed=1,2' --out out/t"},
    {2, "train: --find-lr: 'x.gif' does not end in .svg", "train m.net --data mnist:d --find-lr x.gif"},
    {2, "predict: pictures or --data are missing; usage: stria predict MODEL IMAGE…", "predict m.onnx"},
    {1, "x.npy: not a PNG, JPEG, WebP, TIFF, BMP or PNM picture", "predict m.onnx x.npy"},
    {1, "model 'net' has 2 inputs; a classifier of pictures has one", "predict two.net p.pgm"},
    {1, "folder 'f' holds no pictures; --recursive looks into the folders in it", "predict m.onnx f --top 99"},
    {1, "cannot open 'nothing.pgm': no such file or directory", "predict m.onnx nothing.pgm --json"},
    {2, "--data is missing: 'm.onnx' is not a run folder, which knows its own data", "eval m.onnx"},
    {2, "f has no test split, only train, of which val is a part", "eval m.onnx --data folder:f"},
    {2, "--split: 'nothing' is not one of train|val|test", "eval m.onnx --data mnist:d --split nothing"},
    {2, "--tta: 'nothing' is not one of no|flip|ten-crop", "eval r --tta nothing"},
    {2, "model: list|fetch is missing; usage: stria model list|fetch [NAME|ADDRESS] [options]", "model"},
    {2, "model: unknown word 'nothing'; there are list and fetch", "model nothing"},
    {2, "explain: MODEL is missing; usage: stria explain MODEL [--batch N]", "explain"},
    {2, "there is no network 'nothing'", "explain nothing"},
    {2, "info: unexpected argument 'nothing'; usage: stria info [--operators] [--json]", "info nothing"},
    {2, "graph: 'out/g.nothing' does not end in .svg, .dot or .mmd; --format names the format",
     "graph m.onnx --out out/g.nothing"},
    {2, "--fold: 'nothing' is not one of auto|no|chains|scopes", "graph m.onnx --fold nothing"},
    {2, "--out needs a value: --out FILE", "graph m.onnx -o"},
    {2, "summary: unknown option -x; options are words after two dashes", "summary m.onnx -x"},
    {2, "--json takes no value", "summary m.onnx --json=1"},
    {2, "summary: unknown option --ba; did you mean --bn?", "summary m.onnx --ba"},
    {0, "connected to", "summary -- m.onnx"},
    {2, "summary: unexpected argument 'm.onnx'; usage: stria summary MODEL [--batch N]", "summary m.onnx m.onnx"},
    {2, "'f' is there already: give a folder that is not", "data split folder:f --output f"},
    {0, "train  16", "data split folder:f --output out/d"},
    {0, "{\"train\":16,\"val\":4,\"test\":0}", "data split folder:f --output out/d --json"},
    {0, "{\"images\":20,\"folder\":\"out/d\"}", "data augment folder:f --output out/d --augment flip --json"},
    {0, "20 images in folder:out/d", "data augment folder:f --output out/d --augment flip --size 4"},
    {2, "data augment: --augment is missing; 'stria data steps' lists the steps",
     "data augment folder:f --output out/d"},
    {2, "--augment: there is no augmentation 'nothing'", "data augment folder:f --output out/d --augment nothing"},
    {2, "'r' is there already: give a folder that is not", "data augment folder:f --output r --augment flip"},
    {0, "{\"images\":20,\"shards\":1,\"prefix\":\"out/d\"}", "data pack folder:f --output out/d --json"},
    {1, "there is no folder 'nothing'", "data pack folder:nothing --output out/d"},
    {2, "'out/s.gif' does not end in .png, .pgm, .ppm or .pnm, so its format is not known",
     "data show folder:f --output out/s.gif"},
    {0, "{\"images\":20,\"mean\":[0.563725490196],\"std\":[0.241477175839]}", "data stats folder:f --json"},
    {2, "data fetch: there is no 'nothing'; what can be fetched: mnist, fashion-mnist, cifar10, cifar100 and flowers17",
     "data fetch nothing"},
    {0, "out/s.npy: smoothgrad for class ", "show m.onnx smoothgrad --image p.pgm --samples 2 --out out/s.npy"},
    {0, "out/s.npy: guided for class ", "show m.onnx guided --image p.pgm --out out/s.npy"},
    {2, "show: --steps has no effect with integrated",
     "show m.onnx integrated --image p.pgm --steps 4 --out out/s.npy"},
    {0, "out/s.npy: deepdream, layer relu1, ", "show m.onnx deepdream --image p.pgm --steps 2 --out out/s.npy"},
    {0, "{\"images\":20,\"skipped\":0,\"loss\":", "eval r --tta flip --json"},
    {0, "[{\"image\":\"f/dark/01.pgm\",\"predictions\":[{\"class\":", "predict r f/dark --top 2 --json"},
    {0, "f/dark/01.pgm", "predict m.onnx f/dark f/light --labels labels.txt"},
    {0, "{\"parameters\":0,", "summary float64.net --json"},
    {0, "better ones that declined", "explain two.net"},
    {0, "out/g.dot: 4 boxes, 3 arrows", "graph two.net --out out/g.dot"},
    {0, "test images of mnist:d", "train m.net --data mnist:d --epochs 1 --batch 20 --out out/t/"},
    {1, "the data has 3 classes, the model's output 'logits' has 10",
     "train m.net --data npy:x.npy,y.npy --epochs 1 --val no --out out/t"},
    {1, "k.npy: shares of classes [3, 3] for 2 items; expected [2, classes]",
     "train m.net --data npy:x.npy,k.npy --out out/t"},
    {1, "y.npy: 2 labels for 3 images", "train m.net --data npy:k.npy,y.npy --out out/t"},
    {1, "out/w.npz: NumPy has no bfloat16; .safetensors and .onnx do", "convert m.onnx out/w.npz --bf16"},
    {0, "float64.net → out/n.onnx", "convert float64.net out/n.onnx --fp16"},
    {1, "x.npy: one .npy array has no name; weights come as .npz", "convert m.net out/n.onnx --weights x.npy"},
    {1, "cannot open 'nothing.npz': no such file or directory", "convert m.net out/n.onnx --weights nothing.npz"},
    {1, "input 'image' wants [N, 1, 8, 8], 'k.npy' holds [3, 3]", "run m.onnx --input k.npy"},
    {1, "input 'image' wants [2, 1, 8, 8], 'x.npy' holds [2, 1, 8, 8], which --layout nhwc takes as [2, 8, 1, 8]",
     "run m.onnx --input x.npy --layout nhwc"},
    {0, "logits: float32 [2, 10]", "run m.onnx --input x.npy --skip 1"},
    {0, "logits: float32 [2, 10]", "run m.onnx --input x.npy --reference"},
    {0, "{\"outputs\":[{\"name\":\"logits\",\"shape\":[2,10],\"type\":\"float32\",\"file\":null,\"values\":[",
     "run m.onnx --input x.npy --batch 1 --json"},
    {2, "the model leaves no dimension 'nothing' open", "run m.onnx --input x.npy --dims nothing=3"},
    {1, "cannot open 'x.npz': no such file or directory", "run m.onnx --input image=x.npz"},
};

/* Options of a training, and what is said of their values. */
static const struct {
    int code;
    const char *says, *options;
} trainings[] = {
    {2, "--loss: output is not a name of an output", "--loss cross_entropy:output="},
    {2, "--loss: model 'small' has no output 'nothing' among its 1", "--loss cross_entropy:output=nothing"},
    {2, "--loss: model 'small' has no output '2' among its 1", "--loss cross_entropy:output=2"},
    {2, "--loss: cross_entropy with reduction none is not a number to minimise", "--loss cross_entropy:reduction=none"},
    {2, "layer 'loss' (SoftmaxCrossEntropyLoss): reduction is 'nothing', expected none, mean or sum",
     "--loss cross_entropy:reduction=nothing"},
    {2,
     "--loss: there is no loss 'nothing'; there are cross_entropy, nll, hinge, squared_error, euclidean, "
     "absolute_error, huber, binary_cross_entropy and kl_divergence",
     "--loss nothing"},
    {2,
     "--loss: there is no loss 'nothing'; there are cross_entropy, nll, hinge, squared_error, euclidean, "
     "absolute_error, huber, binary_cross_entropy and kl_divergence",
     "--loss cross_entropy+nothing"},
    {2,
     "--loss: there is no loss 'mse'; there are cross_entropy, nll, hinge, squared_error, euclidean, absolute_error, "
     "huber, binary_cross_entropy and kl_divergence",
     "--loss cross_entropy+mse+mse+mse+mse+mse+mse+mse+mse+mse"},
    {2, "--loss: there is no option 'pos_weight'; there are reduction and scale",
     "--loss binary_cross_entropy:pos_weight=x"},
    {2, "layer 'loss' (hinge): attribute 'margin': 'x' is not a number", "--loss hinge:margin=x"},
    {2, "layer 'loss' (CrossEntropyLoss): label_smoothing is 2, expected 0 to 1",
     "--loss cross_entropy:label_smoothing=2"},
    {2, "--loss: 'label_smoothing' is not of the form key=value (at character 15 of 'cross_entropy:label_smoothing')",
     "--loss cross_entropy:label_smoothing"},
    {2,
     "there is no init 'nothing'; there are glorot-uniform, glorot-normal, he-uniform, he-normal, lecun-uniform, "
     "lecun-normal, normal, truncated-normal, zeros, uniform, orthogonal and constant",
     "--init nothing"},
    {2,
     "there is no init 'he'; there are glorot-uniform, glorot-normal, he-uniform, he-normal, lecun-uniform, "
     "lecun-normal, normal, truncated-normal, zeros, uniform, orthogonal and constant",
     "--init he"},
    {2, "--head: 1 is out of range 2 to 16777216", "--head 1"},
    {2, "--head: 99999999 is out of range 2 to 16777216", "--head 99999999"},
    {2, "there is no network 'nothing'", "--head 3 --from nothing"},
    {2, "no weights of 'net' fit 'small' by name and shape: not conv1.weight, conv1.bias, head.weight, head.bias",
     "--from two.net --head 3"},
    {2, "--freeze: no weights of model 'small', and no layer that has some, are called 'nothing'",
     "--from m.onnx --freeze nothing"},
    {2,
     "--schedule: there is no schedule 'nothing'; there are constant, cosine, step, exponential, multistep, "
     "polynomial, restarts, onecycle and plateau",
     "--schedule nothing"},
    {2, "--schedule: every is '0', expected a number from 1 to below 1e+09", "--schedule step:every=0"},
    {2, "--schedule: there is no setting 'end'; there are warmup and floor", "--schedule cosine:end=2"},
    {2,
     "--optimizer: there is no optimiser 'nothing'; there are sgd, adam, adamw, rmsprop, adagrad, adadelta, nadam, "
     "lamb, lion, muon and ftrl",
     "--optimizer nothing"},
    {2, "--optimizer: momentum is '2', expected a number from 0 to below 1", "--optimizer sgd:momentum=2"},
    {2, "--optimizer: there is no setting 'nothing'; there are momentum and nesterov", "--optimizer sgd:nothing=1"},
    {2, "--optimizer: beta1 is '1', expected a number from 0 to below 1", "--optimizer adam:beta1=1"},
    {2, "--augment: there is no augmentation 'nothing'", "--augment nothing"},
    {2, "--augment: there is no augmentation 'crop:padding=-1'", "--augment crop:padding=-1"},
    {2, "--augment: there is no augmentation 'flip:p=2'", "--augment flip:p=2"},
    {2, "--ema: 2 is out of range 0…0.999999", "--ema 2"},
    {2, "--clip-norm: -1 is out of range 0…1000000", "--clip-norm -1"},
    {2, "--accumulate: 0 is out of range 1…4096", "--accumulate 0"},
    {2, "--batch: 0 is out of range 1…65536", "--batch 0"},
    {2, "--lr: 0 is out of range 1e-12…1e+06", "--lr 0"},
    {2, "--lr: -1 is out of range 1e-12…1e+06", "--lr -1"},
    {2, "--weight-decay: 'x' is not a number", "--weight-decay x"},
    {2, "--seed: 'x' is not a whole number", "--seed x"},
    {2, "--goal: there is no goal 'nothing'; there are classify and reconstruct", "--goal nothing"},
    {1, "output 'logits' is [1, 10], but input 'image' is [1, 1, 8, 8]: goal reconstruct gives pictures back",
     "--goal reconstruct"},
    {2, "--class-weights: 'nothing' is neither balanced nor numbers above 0, one for each class: 1,2.5,1",
     "--class-weights nothing"},
    {2, "--lr-factor: 'conv1' is not of the form PATTERN=X,…, with X above 0 and up to 1e+06: \"fc*=10,conv1*=0.1\"",
     "--lr-factor conv1"},
    {2, "--lr-factor: 'conv1=-1' is not of the form PATTERN=X,…, with X above 0 and up to 1e+06: \"fc*=10,conv1*=0.1\"",
     "--lr-factor conv1=-1"},
    {2, "--threads: 9999 is out of range 0…1024", "--threads 9999"},
    {2, "--device: 'nothing' is not one of cpu|cuda", "--device nothing"},
    {1, "d: 60 pictures are too few to hold out 0.001 % of them for validation", "--val 0.00001"},
};

static void line_check(const char *line, int code, const char *says) {
    small_folder_empty("out");
    mkdir("out", 0777);
    int is = command_run(line);
    CHECK(is == code && strstr(code ? command_err : command_out, says), "stria %s: exit %d, '%.200s%.300s'", line, is,
          command_out, command_err);
}

static bool files_put(void) {
    static float values[9];
    for (int i = 0; i < 9; i++) values[i] = (float)i;
    bool done = small_npy("three.npy", "<f4", "3, 3", values, sizeof values) &&
                small_npy("four.npy", "<f4", "2, 1, 1, 2", values, 4 * sizeof *values);
    values[0] = (float)__builtin_inf();
    return done && small_npy("inf.npy", "<f4", "3, 3", values, sizeof values) && types_put() &&
           text_put("two.net", "stria-net 1\na = input(1 x 2)\nb = input(1 x 2)\ny = Add(a, b)\noutput(y)\n");
}

int main(void) {
    if (!CHECK(command_folder() && command_files() && files_put(), "no files")) return check_report();
    mkdir("out", 0777);
    types_check();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) line_check(rows[i].line, rows[i].code, rows[i].says);
    for (size_t i = 0; i < sizeof trainings / sizeof *trainings; i++) {
        char line[400];
        snprintf(line, sizeof line, "train m.net --data mnist:d --out out/t --epochs 1 %s", trainings[i].options);
        line_check(line, trainings[i].code, trainings[i].says);
    }
    return check_report();
}
